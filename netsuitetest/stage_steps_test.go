package netsuitetest_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// This file has the steps of a stage: what a row can give.

// steps change the state of the emulator.
var steps map[string]func(s *stage, words []string) error

func init() {
	steps = map[string]func(s *stage, words []string) error{
		"make": func(s *stage, words []string) error {
			_, err := s.value(strings.Join(words, " "))
			return err
		},
		"advance": func(s *stage, words []string) error {
			d, err := time.ParseDuration(words[0])
			s.srv.Clock().Advance(d)
			return err
		},
		"policy": func(s *stage, words []string) error {
			return s.account().SetConsentPolicy(s.public.ClientID, strings.Join(words, " "))
		},
		"feature": func(s *stage, words []string) error { return s.account().SetFeature(words[0], words[1] == "on") },
		"state":   (*stage).setState,
		"approval": func(s *stage, _ []string) error {
			s.account().RequireApproval(true)
			return nil
		},
		"bundle": func(s *stage, _ []string) error {
			s.must("role")
			return nil
		},
		"role": func(s *stage, words []string) error {
			return s.account().SetRoleInactive(words[0], words[1] == "inactive")
		},
		"unassign": func(s *stage, _ []string) error {
			return s.account().UnassignRole(robot, acmeRole)
		},
		"employee": func(s *stage, words []string) error {
			return s.account().SetEmployeeInactive(words[0], words[1] == "inactive")
		},
		"revoked": func(s *stage, words []string) error {
			return s.account().RevokeCertificate(s.mappedKey(strings.Join(words, " ")).id)
		},
		"foreign": func(s *stage, words []string) error {
			return s.account().AddForeignCertificates(s.public.ClientID, atoi(words[0]))
		},
		"sandbox": func(s *stage, _ []string) error { s.account().Refresh(); return nil },
		"allocate": func(s *stage, words []string) error {
			return s.account().AllocateConcurrency(s.public.ClientID, atoi(words[0]))
		},
		"allocate_other": func(s *stage, words []string) error {
			return s.account().AllocateConcurrency(s.confidential.ClientID, atoi(words[0]))
		},
		"busy":    (*stage).busyWith,
		"spend":   (*stage).spend,
		"again":   (*stage).again,
		"refresh": (*stage).refreshConfidential,
		"rotate":  (*stage).rotate,
		"used":    (*stage).useAssertion,
		"look":    (*stage).lookAtKeys,
		"restlet": (*stage).restletDoes,
		"deployment": func(s *stage, words []string) error {
			return s.account().SetDeploymentStatus("customscript_acme_health", "customdeploy_acme_health", words[0])
		},
		"revoke":  (*stage).revokeToken,
		"consent": func(s *stage, _ []string) error { s.code(s.public); return nil },
	}
}

func (s *stage) give(step string) {
	s.t.Helper()
	words := strings.Fields(step)
	do := steps[words[0]]
	if do == nil {
		s.t.Fatalf("given %q: no such step; there are %v", step, slices.Sorted(maps.Keys(steps)))
	}
	if err := do(s, words[1:]); err != nil {
		s.t.Fatalf("given %q: %v", step, err)
	}
}

func (s *stage) setState(words []string) error {
	if words[0] != "Blocked" {
		return errors.New("the state is Blocked")
	}
	return s.account().BlockIntegration(s.public.ClientID)
}

// busyWith keeps so many requests under way until the test ends.
func (s *stage) busyWith(words []string) error {
	token := s.must("token")
	free := s.busy(atoi(words[0]), func() page { return s.suiteQL(token, anyRow) })
	s.t.Cleanup(free)
	return nil
}

// spend redeems a code, or uses up a refresh token.
func (s *stage) spend(words []string) error {
	switch words[0] {
	case "code":
		s.logins[s.public.ClientID] = s.token(s.exchangeForm(s.public, s.must("code")), "")
	case "refresh_token":
		s.must("next_refresh_token")
	default:
		return errors.New("spend what?")
	}
	return nil
}

// again presents a spent code or refresh token a second time, which is refused.
func (s *stage) again(words []string) error {
	form := s.exchangeForm(s.public, s.must("code"))
	if words[0] == "refresh_token" {
		form = s.refreshForm()
	}
	if got := s.token(form, ""); got.status != http.StatusBadRequest {
		return fmt.Errorf("status %d, want 400", got.status)
	}
	return nil
}

func (s *stage) refreshForm() url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.must("refresh_token")}, "client_id": {s.public.ClientID}}
}

func (s *stage) refreshConfidential([]string) error {
	got := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.must("confidential_refresh_token")}}, basicOf(s.confidential))
	if got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}

// rotate puts the successor in the place of the public client's refresh token.
func (s *stage) rotate([]string) error {
	s.values["refresh_token"] = s.nextRefresh("")
	return nil
}

func (s *stage) useAssertion(words []string) error {
	if got := s.m2m(s.must(strings.Join(words, " "))); got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}

// lookAtKeys makes the account roll its key over when that is due.
func (s *stage) lookAtKeys([]string) error {
	s.call(http.MethodGet, s.host("1234567", "suitetalk")+authPath+"/keys", "", nil)
	return nil
}

func (s *stage) restletDoes(words []string) error {
	s.srv.HandleRESTlet("customscript_acme_health", func(c netsuitetest.RESTletCall) (any, error) {
		if words[0] == "throws" {
			return nil, errors.New("may not")
		}
		return map[string]string{"method": c.Method, "body": string(c.Body), "x": c.Params.Get("x")}, nil
	})
	return nil
}

// revokeToken revokes the grant of the public client.
func (s *stage) revokeToken([]string) error {
	got := s.form(s.host("1234567", "suitetalk"), authPath+"/revoke", url.Values{"token": {s.must("refresh_token")}, "client_id": {s.public.ClientID}}, "")
	if got.status != http.StatusOK {
		return fmt.Errorf("status %d", got.status)
	}
	return nil
}
