package onboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/netsuitetest"
)

// person is an administrator with a browser of their own. It stops where a redirect would take it out of NetSuite or out of our
// server, so that a test decides who follows.
type person struct {
	*customer.Customer
	t *testing.T
	e *apptest.Env
}

func newPerson(t *testing.T, e *apptest.Env) *person {
	return &person{Customer: e.Customer(t), t: t, e: e}
}

// consent goes from the link to Allow, and returns the redirect with which NetSuite answers.
func (p *person) consent(link onboard.NewLink) *url.URL {
	p.t.Helper()
	return p.caught("/callback/", func() error {
		_, err := p.Consent(p.t.Context(), link.URL)
		return err
	})
}

// caught returns the first redirect to an address that contains the mark, instead of following it.
func (p *person) caught(mark string, do func() error) *url.URL {
	p.t.Helper()
	var caught *url.URL
	p.HTTP.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.Contains(req.URL.String(), mark) {
			caught = req.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	err := do()
	p.HTTP.CheckRedirect = nil
	if err != nil || caught == nil {
		p.t.Fatalf("no redirect to %s, but error %v", mark, err)
	}
	return caught
}

// allow goes from the link through NetSuite to the run's page.
func (p *person) allow(link onboard.NewLink) {
	p.t.Helper()
	p.open(p.consent(link).String())
}

func (p *person) open(address string) *customer.Page {
	p.t.Helper()
	page, err := p.Open(p.t.Context(), address)
	if err != nil {
		p.t.Fatal(err)
	}
	return page
}

// secret is what the browser's cookie holds for the newest consent.
func (p *person) secret() string {
	p.t.Helper()
	for _, c := range p.HTTP.Jar.Cookies(p.e.Home) {
		newest, _, _ := strings.Cut(c.Value, "~")
		if parts := strings.Split(newest, "."); c.Name == "suitekey-run" && len(parts) == 3 {
			return parts[2]
		}
	}
	p.t.Fatal("the browser holds no cookie of a run")
	return ""
}

// press sends what a button of the run's page would send.
func (p *person) press(run string, kind broker.ActionKind, value string) (*customer.Page, error) {
	f := customer.Form{Action: p.e.Home.JoinPath("r", run, string(kind)), Method: http.MethodPost}
	fill := url.Values{}
	if value != "" {
		fill.Set("value", value)
	}
	return p.Press(p.t.Context(), f, fill)
}

func (p *person) mustPress(run string, kind broker.ActionKind, value string) {
	p.t.Helper()
	if _, err := p.press(run, kind, value); err != nil {
		p.t.Fatal(err)
	}
}

// refused checks that the answer is an error page with the code.
func refused(t *testing.T, what string, page *customer.Page, err error, code broker.Code) {
	t.Helper()
	if err == nil || page == nil || !strings.Contains(page.Words, string(code)) {
		t.Errorf("%s: error %v, want a page with the code %s", what, err, code)
	}
}

func wantCode(t *testing.T, err error, want broker.Code) {
	t.Helper()
	if got := broker.CodeOf(err); err == nil || got != want {
		t.Errorf("error %v has code %s, want %s", err, got, want)
	}
}

func token(link onboard.NewLink) string { return link.URL[strings.LastIndexByte(link.URL, '/')+1:] }

func tokenRequests(e *apptest.Env) int { return e.Count(http.MethodPost, "/oauth2/v1/token") }

func uploads(e *apptest.Env) int { return e.Count(http.MethodPost, "/certificates") }

func unconfirmed(r broker.Run) bool { return r.Phase() == broker.PhaseUnconfirmed }

func TestON01_ConnectionSwap(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSession, apptest.Account)
	a, b := newPerson(t, e), newPerson(t, e)
	redirect := a.consent(link)

	// Opened in A, finished in B: neither the redirect nor the link gets B anywhere.
	page, err := b.Open(t.Context(), redirect.String())
	refused(t, "redirect in another browser", page, err, broker.CodeContinue)
	page, err = b.Consent(t.Context(), link.URL)
	if err == nil {
		t.Errorf("another browser took the link up and came to %q", page.Title)
	}
	page, err = b.Open(t.Context(), e.Home.JoinPath("r", e.Run(t, link).ID).String())
	refused(t, "run in another browser", page, err, broker.CodeContinue)
	if n := tokenRequests(e); n != 0 {
		t.Errorf("%d token requests before the right browser came back, want 0", n)
	}

	// A does the whole flow, but the app's backend never says that the run is its user's.
	if _, err := a.Open(t.Context(), redirect.String()); err != nil && e.Run(t, link).GrantID == "" {
		t.Fatal(err)
	}
	r := e.WaitRun(t, link, "unconfirmed", unconfirmed)
	if err := e.App.Onboard.Advance(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if r = e.Run(t, link); !unconfirmed(r) {
		t.Errorf("a worker that looks at the run led it on to %s without the app's word", r.Phase())
	}
	for _, secret := range []string{"", broker.NewToken(), link.FinaliseSecret.Reveal()} {
		_, _, err := e.App.Onboard.Finalise(t.Context(), link.Link.ID, secret, broker.NewToken())
		wantCode(t, err, broker.CodeNotFound)
	}
	e.Clock.Advance(broker.FinaliseWithin + time.Second)
	e.WaitRun(t, link, "expired", func(r broker.Run) bool { return r.Ended == broker.PhaseExpired })
	e.GrantsEnded(t, apptest.Account)
	if n := uploads(e); n != 0 {
		t.Errorf("%d uploads without the app's word, want 0", n)
	}
}

func TestON01_FinalisedRunConnects(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSession, apptest.Account)
	p := newPerson(t, e)
	redirect := p.consent(link)
	back := p.caught(apptest.ReturnURL, func() error {
		if _, err := p.Open(t.Context(), redirect.String()); err != nil {
			return err
		}
		r := e.WaitRun(t, link, "unconfirmed", unconfirmed)
		_, err := p.Open(t.Context(), e.Home.JoinPath("r", r.ID).String())
		return err
	})
	secret, code := link.FinaliseSecret.Reveal(), back.Query().Get("suitekey_code")
	if got := back.Query().Get("suitekey_link"); got != link.Link.ID {
		t.Errorf("the app is told of link %q, want %q", got, link.Link.ID)
	}
	run, account, err := e.App.Onboard.Finalise(t.Context(), link.Link.ID, secret, code)
	if err != nil || run != e.Run(t, link).ID || account != apptest.Account {
		t.Fatalf("Finalise = %s, %s, %v", run, account, err)
	}
	_, _, err = e.App.Onboard.Finalise(t.Context(), link.Link.ID, secret, code)
	wantCode(t, err, broker.CodeNotFound)
	e.Connected(t, link)
	e.GrantsEnded(t, apptest.Account)
}

func TestON02_WrongAccount(t *testing.T) {
	const other = "7654321"
	for name, differ := range map[string]func(*netsuitetest.Account){
		"redirect":   func(a *netsuitetest.Account) { a.RedirectCompanyOverride(other) },
		"token":      func(a *netsuitetest.Account) { a.TokenAccountOverride(other) },
		"API answer": func(a *netsuitetest.Account) { a.APIAccountOverride(other) },
	} {
		t.Run(name, func(t *testing.T) {
			e := apptest.Start(t, apptest.Config{Ready: true})
			differ(e.Emulator.Account(apptest.Account))
			link := e.Link(t, broker.LinkSent, apptest.Account)
			p := newPerson(t, e)
			p.allow(link)
			r := e.Problem(t, link, broker.CodeWrongAccount)
			words := p.open(e.Home.JoinPath("r", r.ID).String()).Words
			if !strings.Contains(words, other) || !strings.Contains(words, apptest.Account) {
				t.Errorf("the page does not name both %s and %s: %s", other, apptest.Account, words)
			}
			e.GrantsEnded(t, apptest.Account)
			if n := uploads(e); n != 0 {
				t.Errorf("%d uploads, want 0", n)
			}
		})
	}
}

func TestON03_LoginCSRF(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	attackers, victims := e.Link(t, broker.LinkSent, apptest.Account), e.Link(t, broker.LinkSent, apptest.Account)
	redirect := newPerson(t, e).consent(attackers)
	victim := newPerson(t, e)
	victim.consent(victims)
	page, err := victim.Open(t.Context(), redirect.String())
	refused(t, "attacker's code and state in the victim's browser", page, err, broker.CodeContinue)

	state := redirect.Query().Get("state")
	run, hash := e.Run(t, attackers).ID, broker.HashToken(state)
	for _, value := range []string{"1", state, hash, run + "." + hash[:16] + ".1", run + "." + hash[:16] + "." + state, run + "." + hash[:16] + "." + hash, run + ".." + state} {
		for _, name := range []string{"suitekey-run", state} {
			forger := newPerson(t, e)
			forger.HTTP.Jar.SetCookies(e.Home, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
			page, err := forger.Open(t.Context(), redirect.String())
			refused(t, "forged cookie", page, err, broker.CodeContinue)
		}
	}
	if n := tokenRequests(e); n != 0 {
		t.Errorf("%d token requests, want 0", n)
	}
	for _, link := range []onboard.NewLink{attackers, victims} {
		if r := e.Run(t, link); r.GrantID != "" || r.Account != "" {
			t.Errorf("the run took grant %q of account %q", r.GrantID, r.Account)
		}
	}
}

func TestON04_CodeReplay(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	p := newPerson(t, e)
	redirect := p.consent(link)
	secret := p.secret()
	var all sync.WaitGroup
	var shown atomic.Int32
	for range 100 {
		all.Go(func() {
			switch page, err := p.Open(t.Context(), redirect.String()); {
			case err == nil:
				shown.Add(1)
			case page == nil || !strings.Contains(page.Words, string(broker.CodeTooMany)):
				t.Errorf("a repeated redirect in the same browser: %v, want the run's page or the limit of requests", err)
			}
		})
		all.Go(func() { // past that limit
			if _, err := e.App.Onboard.Callback(t.Context(), apptest.AppName, redirect.Query(), secret); err != nil {
				t.Errorf("a repeated redirect: %v", err)
			}
		})
	}
	all.Wait()
	if shown.Load() == 0 {
		t.Error("no repeated redirect led to the run's page")
	}
	e.Connected(t, link)
	exchanges := e.Emulator.Ledger().Count(func(x netsuitetest.Entry) bool { return x.GrantType == "authorization_code" })
	if exchanges != 1 {
		t.Errorf("%d token requests with the code, want 1", exchanges)
	}
	e.Clock.Advance(time.Minute) // the limit is not what stops this one
	page, err := newPerson(t, e).Open(t.Context(), redirect.String())
	refused(t, "stolen redirect afterwards", page, err, broker.CodeContinue)
}

func TestON06_MixUp(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	other, err := e.App.Store.App(t.Context(), apptest.AppName)
	if err != nil {
		t.Fatal(err)
	}
	other.Name, other.Version = "other-app", 0
	if err := e.App.Store.SaveApp(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	link := e.Link(t, broker.LinkSent, apptest.Account)
	p := newPerson(t, e)
	redirect := p.consent(link)

	elsewhere := *redirect
	elsewhere.Path = "/callback/other-app"
	page, err := p.Open(t.Context(), elsewhere.String())
	refused(t, "callback of another app", page, err, broker.CodeContinue)

	foreign := *redirect
	foreign.RawQuery += "&iss=" + url.QueryEscape("https://evil.example")
	page, err = p.Open(t.Context(), foreign.String())
	refused(t, "another issuer", page, err, broker.CodeContinue)
	if n := tokenRequests(e); n != 0 {
		t.Errorf("%d token requests, want 0", n)
	}

	p.open(redirect.String())
	e.Connected(t, link)
}

// situation is a state in which a run waits, with the actions that are legal there.
type situation struct {
	name    string
	config  apptest.Config
	kind    broker.LinkKind
	open    bool // the link pins no account
	prepare func(*testing.T, *apptest.Env)
	reach   func(*person, onboard.NewLink)
	legal   []broker.ActionKind
}

func waitsFor(code broker.Code) func(*person, onboard.NewLink) {
	return func(p *person, link onboard.NewLink) {
		p.allow(link)
		p.e.Problem(p.t, link, code)
	}
}

var (
	underWay = []broker.ActionKind{broker.ActConsent, broker.ActCancel, broker.ActHandover}
	watched  = append(slices.Clone(underWay), broker.ActCheck, broker.ActRetry)
)

var situations = []situation{
	{name: "at NetSuite", reach: func(p *person, link onboard.NewLink) { p.consent(link) }, legal: underWay},
	{name: "bundle missing", reach: waitsFor(broker.CodeBundleMissing), legal: watched},
	{name: "account to confirm", config: apptest.Config{Ready: true}, open: true, reach: waitsFor(broker.CodeConfirmAccount), legal: append(slices.Clone(underWay), broker.ActAccount)},
	{name: "user to choose", config: apptest.Config{Ready: true}, prepare: func(t *testing.T, e *apptest.Env) {
		if err := e.Emulator.Account(apptest.Account).AssignRole("sales@globex.example", "customrole_acme_sync"); err != nil {
			t.Fatal(err)
		}
	}, reach: waitsFor(broker.CodeHolder), legal: append(slices.Clone(watched), broker.ActHolder)},
	{name: "certificate to remove", config: apptest.Config{Ready: true}, prepare: func(t *testing.T, e *apptest.Env) {
		if err := e.Emulator.Account(apptest.Account).AddForeignCertificates(e.Client.ClientID, 5); err != nil {
			t.Fatal(err)
		}
	}, reach: waitsFor(broker.CodeCertificateLimit), legal: append(slices.Clone(watched), broker.ActCertificate)},
	{name: "unconfirmed", config: apptest.Config{Ready: true}, kind: broker.LinkSession, reach: func(p *person, link onboard.NewLink) {
		redirect := p.consent(link)
		p.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p.open(redirect.String())
		p.e.WaitRun(p.t, link, "unconfirmed", unconfirmed)
	}, legal: []broker.ActionKind{broker.ActConsent, broker.ActCancel}},
	{name: "set-up time over", reach: func(p *person, link onboard.NewLink) {
		waitsFor(broker.CodeBundleMissing)(p, link)
		p.e.Clock.Advance(time.Hour)
		p.e.Problem(p.t, link, broker.CodeSetupTimeOver)
		p.e.GrantsEnded(p.t, apptest.Account)
	}, legal: underWay},
	{name: "cancelled", reach: func(p *person, link onboard.NewLink) {
		waitsFor(broker.CodeBundleMissing)(p, link)
		p.mustPress(p.e.Run(p.t, link).ID, broker.ActCancel, "")
		p.e.WaitRun(p.t, link, "the end of the permission", func(r broker.Run) bool { return !r.GrantEndedAt.IsZero() })
	}},
	{name: "connected", config: apptest.Config{Ready: true}, reach: func(p *person, link onboard.NewLink) {
		p.allow(link)
		p.e.Connected(p.t, link)
	}},
}

// presses are all buttons, with values that some page of the run may hold and with values that none does.
func presses(r broker.Run, e *apptest.Env) []broker.Action {
	all := []broker.Action{
		{Kind: broker.ActConsent},
		{Kind: broker.ActConsent, Value: "other"},
		{Kind: broker.ActCheck},
		{Kind: broker.ActRetry},
		{Kind: broker.ActCancel},
		{Kind: broker.ActHandover},
		{Kind: broker.ActAccount, Value: apptest.Account},
		{Kind: "upload"},
		{Kind: "finalise"},
	}
	for _, one := range e.Emulator.Account(apptest.Account).Employees() {
		all = append(all, broker.Action{Kind: broker.ActHolder, Value: fmt.Sprint(one.ID)})
	}
	for _, c := range e.Emulator.Account(apptest.Account).Certificates() {
		all = append(all, broker.Action{Kind: broker.ActCertificate, Value: c.ID})
	}
	return append(all, broker.Action{Kind: broker.ActCertificate, Value: "x" + r.CertificateID})
}

// never are values that no page holds: they are refused even where the action is legal.
var never = []broker.Action{
	{Kind: broker.ActAccount, Value: "7654321"},
	{Kind: broker.ActAccount},
	{Kind: broker.ActHolder, Value: "-999999"},
	{Kind: broker.ActHolder, Value: "1 OR 1=1"},
	{Kind: broker.ActCertificate, Value: "none"},
	{Kind: broker.ActCertificate},
	{Kind: broker.ActConsent, Value: "admin"},
}

func TestON10_StepSkipping(t *testing.T) {
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			e := apptest.Start(t, s.config)
			if s.prepare != nil {
				s.prepare(t, e)
			}
			kind, expect := broker.LinkSent, []string{apptest.Account}
			if s.kind != "" {
				kind = s.kind
			}
			if s.open {
				expect = nil
			}
			link := e.Link(t, kind, expect...)
			p, stranger := newPerson(t, e), newPerson(t, e)
			s.reach(p, link)
			before := settled(e.Run(t, link))
			uploaded, ended := uploads(e), e.Count(http.MethodPost, "/revoke")
			for _, a := range append(presses(before, e), never...) {
				_, err := stranger.press(before.ID, a.Kind, a.Value)
				if err == nil {
					t.Errorf("%s %q was accepted from a foreign browser", a.Kind, a.Value)
				}
				if slices.Contains(s.legal, a.Kind) && !slices.Contains(never, a) {
					continue
				}
				_, err = p.press(before.ID, a.Kind, a.Value)
				// "Check again" leads back to the run when there is nothing to check; it changes nothing.
				if err == nil && a.Kind != broker.ActCheck && a.Kind != broker.ActRetry {
					t.Errorf("%s %q was accepted", a.Kind, a.Value)
				}
				if got := settled(e.Run(t, link)); !reflect.DeepEqual(got, before) {
					t.Fatalf("%s %q changed the run from\n%+v to\n%+v", a.Kind, a.Value, before, got)
				}
			}
			if uploads(e) != uploaded || e.Count(http.MethodPost, "/revoke") != ended {
				t.Error("NetSuite was asked to change something")
			}
			if slices.Contains(s.legal, broker.ActCancel) {
				p.mustPress(before.ID, broker.ActCancel, "")
				e.WaitRun(t, link, "cancelled", func(r broker.Run) bool { return r.Phase() == broker.PhaseCancelled })
				e.GrantsEnded(t, apptest.Account)
			}
		})
	}
}

// settled is the run without what changes whenever the watcher has looked.
func settled(r broker.Run) broker.Run {
	r.Version, r.Attempts, r.UpdatedAt, r.DueAt = 0, 0, time.Time{}, time.Time{}
	return r
}

func TestON11_GrantAlwaysEnded(t *testing.T) {
	t.Run("cancelled", func(t *testing.T) {
		e := apptest.Start(t, apptest.Config{})
		link, p := e.Link(t, broker.LinkSent, apptest.Account), newPerson(t, e)
		waitsFor(broker.CodeBundleMissing)(p, link)
		if live(e) != 1 {
			t.Fatalf("%d live permissions before, want 1", live(e))
		}
		p.mustPress(e.Run(t, link).ID, broker.ActCancel, "")
		e.GrantsEnded(t, apptest.Account)
	})
	t.Run("out of time", func(t *testing.T) {
		e := apptest.Start(t, apptest.Config{})
		link, p := e.Link(t, broker.LinkSent, apptest.Account), newPerson(t, e)
		waitsFor(broker.CodeBundleMissing)(p, link)
		e.Clock.Advance(time.Hour)
		e.Problem(t, link, broker.CodeSetupTimeOver)
		e.GrantsEnded(t, apptest.Account)
	})
	t.Run("superseded", func(t *testing.T) {
		e := apptest.Start(t, apptest.Config{})
		link := e.Link(t, broker.LinkSent, apptest.Account)
		waitsFor(broker.CodeBundleMissing)(newPerson(t, e), link)
		first := e.Run(t, link).GrantID
		newPerson(t, e).allow(link)
		e.Eventually(t, "the end of the older permission alone", func() bool {
			return live(e) == 1 && len(e.Emulator.Account(apptest.Account).Grants()) == 2
		}, func() any { return e.Emulator.Account(apptest.Account).Grants() })
		if now := e.Run(t, link).GrantID; now == first {
			t.Error("the run still works with the older permission")
		}
	})
	t.Run("NetSuite down at the end", func(t *testing.T) {
		e := apptest.Start(t, apptest.Config{Ready: true})
		e.Emulator.Fault(netsuitetest.Fault{
			Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/revoke") }, Times: 2,
			Kind: netsuitetest.FaultStatus, Status: http.StatusServiceUnavailable,
		})
		link := e.Link(t, broker.LinkSent, apptest.Account)
		newPerson(t, e).allow(link)
		e.Connected(t, link)
		e.GrantsEnded(t, apptest.Account)
		if n := e.Count(http.MethodPost, "/oauth2/v1/revoke"); n != 3 {
			t.Errorf("%d attempts to end the permission, want 2 that failed and 1", n)
		}
	})
}

// live counts the permissions that NetSuite keeps for us.
func live(e *apptest.Env) int {
	n := 0
	for _, g := range e.Emulator.Account(apptest.Account).Grants() {
		if g.State == "live" {
			n++
		}
	}
	return n
}

func TestON12_StrongRole(t *testing.T) {
	bundle := netsuitetest.AcmeBundle()
	bundle.Role.Permissions["ADMI_KERNEL"] = 4
	e := apptest.Start(t, apptest.Config{Ready: true, Bundles: []netsuitetest.Bundle{bundle}})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	newPerson(t, e).allow(link)
	r := e.Problem(t, link, broker.CodeRoleTooStrong)
	known, err := e.App.Store.KnownCertificates(t.Context(), apptest.AppName)
	if err != nil || len(known) != 0 || uploads(e) != 0 || r.CertificateID != "" {
		t.Errorf("%d keys (%v) and %d uploads for a role that may do everything, want 0", len(known), err, uploads(e))
	}

	app, err := e.App.Store.App(t.Context(), apptest.AppName)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"administrator", "3", "full_access", ""} {
		app.Role.ScriptID = role
		wantCode(t, e.App.Onboard.StoreApp(t.Context(), app, onboard.AppSecrets{}), broker.CodeAppInvalid)
	}
}

func TestON13_LinkTokenNotLogged(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link, p := e.Link(t, broker.LinkSent, apptest.Account), newPerson(t, e)
	p.open(link.URL + "/send")
	p.allow(link)
	r := e.Connected(t, link)
	for _, address := range []string{link.URL, e.Home.JoinPath("r", r.ID, "receipt").String()} {
		// A connected link answers 409 with a page; what counts here is what is logged of it.
		if page, err := p.Open(t.Context(), address); page == nil {
			t.Fatal(err)
		}
	}
	if page, err := p.Open(t.Context(), link.URL+"x"); err == nil {
		t.Errorf("a link with one letter more led to %q", page.Title)
	}
	log := e.Log.String()
	if !strings.Contains(log, "/c/{token}") {
		t.Error("the log does not name the route of the link, so this test shows nothing")
	}
	if strings.Contains(log, token(link)) {
		t.Error("the log holds the link's token")
	}
}

func TestON14_AnonymousLoadMakesNoKey(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	link, p := e.Link(t, broker.LinkSent, apptest.Account), newPerson(t, e)
	asked := e.Emulator.Ledger().Count(func(netsuitetest.Entry) bool { return true })
	p.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for range 1000 {
		p.open(link.URL)
	}
	address, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	refusals := 0
	for range 200 {
		if _, err := p.Press(t.Context(), customer.Form{Action: address, Method: http.MethodPost}, nil); err != nil {
			refusals++
		}
	}
	if refusals < 100 {
		t.Errorf("%d of 200 starts from one address were refused, want most", refusals)
	}
	known, err := e.App.Store.KnownCertificates(t.Context(), apptest.AppName)
	if err != nil || len(known) != 0 {
		t.Errorf("%d keys were made (%v), want 0", len(known), err)
	}
	if n := e.Emulator.Ledger().Count(func(netsuitetest.Entry) bool { return true }); n != asked {
		t.Errorf("%d requests to NetSuite for visits that did not come back from it, want 0", n-asked)
	}
}

func TestRO03_FiveActive(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	account := e.Emulator.Account(apptest.Account)
	if err := account.AddForeignCertificates(e.Client.ClientID, 5); err != nil {
		t.Fatal(err)
	}
	link, p := e.Link(t, broker.LinkSent, apptest.Account), newPerson(t, e)
	p.allow(link)
	r := e.Problem(t, link, broker.CodeCertificateLimit)
	if len(r.Problem.Certificates) != 5 || uploads(e) != 0 || account.ActiveCertificates(e.Client.ClientID) != 5 {
		t.Fatalf("%d named, %d uploads, %d active; want 5, 0, 5", len(r.Problem.Certificates), uploads(e), account.ActiveCertificates(e.Client.ClientID))
	}
	page, err := p.press(r.ID, broker.ActCertificate, "not on the page")
	refused(t, "a certificate that is not on the page", page, err, broker.CodeInvalid)
	chosen := r.Problem.Certificates[2].ID
	p.mustPress(r.ID, broker.ActCertificate, chosen)
	e.Connected(t, link)
	for _, c := range account.Certificates() {
		if c.Revoked != (c.ID == chosen) {
			t.Errorf("certificate %s revoked: %v; only the chosen one may be", c.ID, c.Revoked)
		}
	}
}

func TestRO03_OwnOrphanIsReclaimed(t *testing.T) {
	e := apptest.Start(t, apptest.Config{Ready: true})
	account := e.Emulator.Account(apptest.Account)
	first := e.Link(t, broker.LinkSent, apptest.Account)
	newPerson(t, e).allow(first)
	r := e.Connected(t, first)
	if err := account.AddForeignCertificates(e.Client.ClientID, 4); err != nil {
		t.Fatal(err)
	}
	// Ours becomes an orphan: given up here, still active at NetSuite.
	c, err := e.App.Store.Certificate(t.Context(), r.CertificateID)
	if err != nil {
		t.Fatal(err)
	}
	c.State = broker.CertificateRetiring
	if err := e.App.Store.SaveCertificate(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	second := e.Link(t, broker.LinkSent, apptest.Account)
	newPerson(t, e).allow(second)
	e.Connected(t, second)
	if n := account.ActiveCertificates(e.Client.ClientID); n != 5 {
		t.Errorf("%d active certificates, want 4 foreign ones and the new one", n)
	}
	for _, known := range account.Certificates() {
		if known.Revoked != (known.ID == r.CertificateID) {
			t.Errorf("certificate %s revoked: %v; only our orphan may be", known.ID, known.Revoked)
		}
	}
}

func TestRO11_OneRequestPerExchange(t *testing.T) {
	for name, answer := range map[string]*netsuitetest.Fault{
		"accepted":           nil,
		"401 invalid_client": {Status: http.StatusUnauthorized, Body: `{"error":"invalid_client"}`},
		"400 invalid_grant":  {Status: http.StatusBadRequest, Body: `{"error":"invalid_grant"}`},
		"401 without a body": {Status: http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			e := apptest.Start(t, apptest.Config{})
			if answer != nil {
				answer.Kind = netsuitetest.FaultStatus
				answer.Match = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v1/token") }
				e.Emulator.Fault(*answer)
			}
			link := e.Link(t, broker.LinkSent, apptest.Account)
			newPerson(t, e).allow(link)
			if answer == nil {
				e.Problem(t, link, broker.CodeBundleMissing)
			} else {
				e.Problem(t, link, broker.CodeConsentFailed)
			}
			if n := tokenRequests(e); n != 1 {
				t.Errorf("%d token requests, want 1: another style of authentication burns the code", n)
			}
		})
	}
}
