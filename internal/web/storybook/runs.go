package storybook

import (
	"time"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// runs are all canned runs, in the order of a customer's way. Their IDs are their addresses.
func runs() []scene {
	all := [][]scene{allowScenes(), prepareScenes(), connectScenes(), endScenes(), personScenes(), hostileScenes()}
	var scenes []scene
	for _, some := range all {
		scenes = append(scenes, some...)
	}
	return scenes
}

// waiting is a run that stands at a problem after what reached set.
func waiting(id string, reached func(*broker.Run), p broker.Problem) broker.View {
	return run(id, func(r *broker.Run) {
		reached(r)
		r.Problem = &p
	})
}

func nothing(*broker.Run) {}

func allowScenes() []scene {
	confirm := run("confirm-account", func(r *broker.Run) {
		consented(r)
		r.Account, r.AccountConfirmedAt = sandbox, time.Time{}
	})
	confirm.Link.Expect = nil
	return []scene{
		{"Allow: no answer from NetSuite yet", run("consenting", nothing)},
		{"201 the person said no", waiting("denied", nothing, broker.Problem{Code: broker.CodeDenied})},
		{"202 another account: sandbox", waiting("wrong-account", nothing, broker.Problem{Code: broker.CodeWrongAccount, Found: sandbox, Expected: []netsuite.AccountID{production}})},
		{"202 another account: a stranger's", waiting("wrong-company", nothing, broker.Problem{Code: broker.CodeWrongAccount, Found: stranger, Expected: []netsuite.AccountID{production, "2345678"}})},
		{"203 the role cannot do set-up", waiting("setup-role", consented, broker.Problem{Code: broker.CodeSetupRole, Role: "Sales", Detail: "see which account this is: Permission Violation: you need the REST Web Services permission"})},
		{"210 confirm the account", confirm},
		{"306 NetSuite refused the consent", waiting("consent-failed", nothing, broker.Problem{Code: broker.CodeConsentFailed, Detail: "NetSuite answered invalid_scope: the integration does not allow RESTlets"})},
	}
}

func prepareScenes() []scene {
	waitBackend := run("unconfirmed", func(r *broker.Run) {
		consented(r)
		r.FinaliseCodeHash, r.FinaliseBy = "hash", Now().Add(9*time.Minute)
	})
	waitBackend.Link.Kind = broker.LinkSession
	waitBackend.BackTo = waitBackend.App.ReturnURLs[0]

	soon := waiting("time-nearly-over", func(r *broker.Run) {
		consented(r)
		r.Checks, r.GrantExpiresAt = with(installBundle, roleLater, permissionsLater, holderLater), Now().Add(4*time.Minute)
	}, broker.Problem{Code: broker.CodeBundleMissing})

	todo := func(checks []broker.Check) func(*broker.Run) {
		return func(r *broker.Run) {
			consented(r)
			r.RoleID, r.RoleName, r.Checks = 1071, "Acme Sync", checks
		}
	}
	return []scene{
		{"Prepare: looking", run("checking", consented)},
		{"Prepare: two things to do", waiting("two-to-do", todo(with(installBundle, roleLater, permissionsLater, giveRole)), broker.Problem{Code: broker.CodeBundleMissing})},
		{"204 a feature is off", waiting("feature-off", todo(with(featureOff, broker.Check{ID: "bundle", State: broker.CheckWaiting, Title: "The bundle “Acme Sync” is installed"}, roleLater, permissionsLater, holderLater)), broker.Problem{Code: broker.CodeFeatureOff})},
		{"205 the bundle is missing", waiting("bundle-missing", todo(with(installBundle, roleLater, permissionsLater, holderLater)), broker.Problem{Code: broker.CodeBundleMissing})},
		{"206 nobody holds the role", waiting("no-holder", todo(with(permissionsBlind, giveRole)), broker.Problem{Code: broker.CodeHolder})},
		{"206 several hold the role", waiting("several-holders", func(r *broker.Run) {
			todo(with(giveRole))(r)
			r.Holders = []broker.Holder{
				{Entity: 87, Name: "Acme Integration", Email: "integration@globex.example"},
				{Entity: 12, Name: "Ada Admin", Email: "ada@globex.example"},
				{Entity: 31, Name: "Bo Buyer"},
			}
		}, broker.Problem{Code: broker.CodeHolder})},
		{"207 the integration awaits approval", waiting("not-approved", consented, broker.Problem{
			Code: broker.CodeNotApproved, Path: "Setup > Integration > Manage Integrations > Acme Sync > State: Enabled",
			URL: "https://1234567.app.netsuite.com/app/common/integration/integrapplist.nl",
		})},
		{"211 the role is too strong", waiting("strong-role", todo(okChecks()), broker.Problem{Code: broker.CodeRoleTooStrong, Detail: "The role “Acme Sync” carries Core Administration Permissions."})},
		{"Prepare: four minutes left", soon},
		{"301 set-up time is over", waiting("time-over", func(r *broker.Run) {
			todo(with(giveRole))(r)
			r.GrantExpiresAt = Now().Add(-time.Minute)
		}, broker.Problem{Code: broker.CodeSetupTimeOver})},
		{"Prepare: waiting for the app", waitBackend},
	}
}

func connectScenes() []scene {
	five := make([]broker.KnownCertificate, 5)
	for i, name := range []string{"Warehouse Bridge", "Old Sync", "Payroll Export", "Acme Integration", "Reporting"} {
		five[i] = broker.KnownCertificate{
			ID: certificateID[:60] + string(rune('a'+i)) + "000", EntityName: name, RoleName: "Acme Sync",
			ValidUntil: Now().AddDate(0, 3*i+1, 0), Ours: i == 3,
		}
	}
	return []scene{
		{"Connect: the key", run("provisioning", checked)},
		{"Connect: the test", run("testing", uploaded)},
		{"Connect: the tasks", run("finishing", func(r *broker.Run) {
			uploaded(r)
			r.TestedAt, r.TasksDone = Now(), 1
		})},
		{"208 five certificates", waiting("five-certificates", checked, broker.Problem{Code: broker.CodeCertificateLimit, Certificates: five})},
		{"209 the integration user must allow", waiting("upload-user", checked, broker.Problem{Code: broker.CodeUploadNeedsUser})},
		{"302 the test failed", waiting("test-failed", uploaded, broker.Problem{
			Code: broker.CodeTestFailed, Detail: "token: invalid_grant (the role lacks Log in using OAuth 2.0 Access Tokens)",
			Path: "Setup > Users/Roles > Manage Roles > Acme Sync > Permissions", URL: "https://1234567.app.netsuite.com/app/setup/rolelist.nl",
		})},
		{"303 NetSuite does not answer", waiting("unreachable", checked, broker.Problem{Code: broker.CodeUnreachable, Detail: "certificate upload: no answer within 30 s"})},
		{"304 a task failed", waiting("task-failed", func(r *broker.Run) {
			uploaded(r)
			r.TestedAt, r.TasksDone = Now(), 1
		}, broker.Problem{Code: broker.CodeTaskFailed, Detail: "saved searches: Invalid record type customrecord_acme"})},
	}
}

func endScenes() []scene {
	connected := run("connected", connectedFacts)
	connected.Calls, connected.BackTo, connected.ConnectionID = len(calls("")), connected.App.ReturnURLs[0], "con_sample"

	sentOnly := run("connected-no-return", connectedFacts)
	sentOnly.Calls, sentOnly.App = 1, initech()

	notFinalised := waiting("not-finalised", func(r *broker.Run) {
		consented(r)
		r.FinaliseCodeHash, r.Ended = "hash", broker.PhaseFailed
	}, broker.Problem{Code: broker.CodeNotFinalised})
	notFinalised.Link.Kind, notFinalised.BackTo = broker.LinkSession, notFinalised.App.ReturnURLs[0]

	ended := func(id string, phase broker.Phase) broker.View {
		v := run(id, func(r *broker.Run) {
			consented(r)
			r.Ended = phase
		})
		v.Calls = 4
		return v
	}
	return []scene{
		{"Done", connected},
		{"Done: no page to go back to", sentOnly},
		{"Stopped", ended("cancelled", broker.PhaseCancelled)},
		{"Out of time", ended("run-expired", broker.PhaseExpired)},
		{"Failed", ended("failed", broker.PhaseFailed)},
		{"305 the app did not confirm", notFinalised},
	}
}

// person is a run that makes a person's connection.
func person(id string, change func(*broker.Run)) broker.View {
	v := run(id, change)
	v.App, v.Link, v.Tasks = portal(), personalLink(portal()), nil
	return v
}

func keptFacts(r *broker.Run) {
	consented(r)
	r.SetupName, r.SetupRoleName = "Bo Buyer", "Sales Manager"
	r.EntityName, r.RoleName, r.ConnectionID = r.SetupName, r.SetupRoleName, "con_person"
	r.ActivatedAt, r.ConnectedAt, r.ConsentBy = Now(), Now(), Now().AddDate(0, 0, 30)
}

func personScenes() []scene {
	stopped := func(id string, p broker.Problem, reached func(*broker.Run)) broker.View {
		return person(id, func(r *broker.Run) {
			reached(r)
			r.Problem = &p
		})
	}
	waits := person("person-unconfirmed", func(r *broker.Run) {
		consented(r)
		r.FinaliseCodeHash, r.FinaliseBy = "hash", Now().Add(9*time.Minute)
	})
	waits.Link.Kind, waits.BackTo = broker.LinkSession, waits.App.ReturnURLs[0]
	done := person("person-connected", keptFacts)
	done.Calls, done.BackTo = 2, done.App.ReturnURLs[0]
	nameless := person("person-nameless", func(r *broker.Run) {
		keptFacts(r)
		r.EntityName, r.RoleName = "", ""
	})
	nameless.Calls = 2
	cancelled := person("person-cancelled", func(r *broker.Run) {
		consented(r)
		r.Ended = broker.PhaseCancelled
	})
	confirm := stopped("person-confirm", broker.Problem{Code: broker.CodeConfirmAccount}, func(r *broker.Run) {
		consented(r)
		r.AccountConfirmedAt = time.Time{}
	})
	hostile := person("person-hostile", func(r *broker.Run) {
		keptFacts(r)
		r.EntityName, r.RoleName = payload, payload
	})
	hostile.App, hostile.Link.Customer, hostile.BackTo, hostile.Calls = hostileApp(), payload, "javascript:alert(13)", 2
	return []scene{
		{"Person: no answer from NetSuite yet", person("person-consenting", nothing)},
		{"Person: finishing", person("person-checking", consented)},
		{"Person: waiting for the app", waits},
		{"Person: confirm the account", confirm},
		{"Person: done", done},
		{"Person: done, no name known", nameless},
		{"Person: said no", stopped("person-denied", broker.Problem{Code: broker.CodeDenied}, nothing)},
		{"Person: the role lacks a permission", stopped("person-role", broker.Problem{Code: broker.CodeSetupRole, Role: "Sales Manager"}, consented)},
		{"Person: out of time", stopped("person-time", broker.Problem{Code: broker.CodeSetupTimeOver}, consented)},
		{"Person: stopped", cancelled},
		{"212 another person", stopped("person-other", broker.Problem{Code: broker.CodeOtherPerson}, consented)},
		{"213 the old connection is being ended", stopped("person-being-ended", broker.Problem{Code: broker.CodeBeingEnded}, consented)},
		{"Hostile person", hostile},
	}
}

// hostileScenes put scripts into everything that NetSuite, the app or the customer can name.
func hostileScenes() []scene {
	evil := func(v broker.View) broker.View {
		v.App, v.Link.Customer, v.BackTo = hostileApp(), payload, "javascript:alert(6)"
		v.Tasks = []string{payload, `"><svg onload=alert(7)>`}
		return v
	}
	checks := waiting("hostile-checks", func(r *broker.Run) {
		consented(r)
		r.Checks = []broker.Check{
			{ID: `x" onfocus="alert(8)`, State: broker.CheckTodo, Title: payload, Hint: payload, Path: payload, URL: "javascript:alert(9)"},
			{ID: "holder", State: broker.CheckTodo, Title: payload, Hint: payload, Path: payload, URL: `https://evil.example/"><script>alert(10)</script>`},
		}
	}, broker.Problem{Code: broker.CodeBundleMissing, Detail: payload})
	holders := waiting("hostile-holders", func(r *broker.Run) {
		consented(r)
		r.RoleName = payload
		r.Holders = []broker.Holder{{Entity: 1, Name: payload, Email: payload}, {Entity: 2, Name: `" checked onclick="alert(11)`}}
	}, broker.Problem{Code: broker.CodeHolder})
	certificates := waiting("hostile-certificates", checked, broker.Problem{
		Code: broker.CodeCertificateLimit, Detail: payload,
		Certificates: []broker.KnownCertificate{{ID: `"><script>alert(12)</script>`, EntityName: payload, RoleName: payload, ValidUntil: Now()}},
	})
	connected := run("hostile-connected", func(r *broker.Run) {
		connectedFacts(r)
		r.RoleName, r.EntityName = payload, payload
	})
	connected.Calls = 8
	detail := waiting("hostile-detail", nothing, broker.Problem{Code: broker.CodeConsentFailed, Detail: "NetSuite answered server_error: " + payload})
	role := waiting("hostile-role", consented, broker.Problem{Code: broker.CodeSetupRole, Role: payload})
	return []scene{
		{"Hostile checks", evil(checks)},
		{"Hostile holders", evil(holders)},
		{"Hostile certificates", evil(certificates)},
		{"Hostile tasks", evil(run("hostile-tasks", checked))},
		{"Hostile Done", evil(connected)},
		{"Hostile error_description", evil(detail)},
		{"Hostile role", evil(role)},
	}
}
