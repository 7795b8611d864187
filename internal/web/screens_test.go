package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

const netsuitePage = "https://1234567.app.netsuite.com/app/login/oauth2/authorize.nl?state=st-1"

// newMux serves the pages of an Onboarding under https.
func newMux(tb testing.TB, change func(*Config)) *http.ServeMux {
	tb.Helper()
	cfg := Config{
		Onboarding: storybook.Onboarding{Leads: netsuitePage}, Now: storybook.Now,
		PublicURL:  &url.URL{Scheme: "https", Host: "connect.acme.example"},
		FormAction: []string{"https://*.app.netsuite.com"},
	}
	if change != nil {
		change(&cfg)
	}
	h, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Register(mux)
	return mux
}

func get(tb testing.TB, mux http.Handler, path string, cookies ...*http.Cookie) *http.Response {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return serve(mux, r)
}

func post(tb testing.TB, mux http.Handler, path, body string, cookies ...*http.Cookie) *http.Response {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return serve(mux, r)
}

func serve(mux http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

// openScreen opens a screen of the storybook as a browser does, following redirects to ourselves.
func openScreen(tb testing.TB, mux http.Handler, s storybook.Screen) (*http.Response, *html.Node) {
	tb.Helper()
	var res *http.Response
	if s.Submits() {
		res = post(tb, mux, s.Path, s.Post.Encode())
	} else {
		res = get(tb, mux, s.Path)
	}
	for range 3 {
		to := res.Header.Get("Location")
		if to == "" {
			break
		}
		res = get(tb, mux, to)
	}
	doc, err := html.Parse(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res, doc
}

func elements(doc *html.Node, names ...string) []*html.Node {
	var found []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func class(n *html.Node, name string) bool {
	return slices.Contains(strings.Fields(attribute(n, "class")), name)
}

func TestScreens(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	seen := map[string]bool{}
	for _, s := range storybook.Screens() {
		if seen[s.Name] {
			t.Errorf("two screens are named %q", s.Name)
		}
		seen[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			res, doc := openScreen(t, mux, s)
			if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Fatalf("Content-Type = %q, want a page", got)
			}
			for name, check := range map[string]func(*html.Node) error{
				"outline": outline, "steps": knownSteps, "no inline code": noInlineCode, "labels": labelled, "forms": formsArePosts,
				"links": safeLinks, "one main action": oneMainAction, "unique IDs": uniqueIDs,
			} {
				if err := check(doc); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func outline(doc *html.Node) error {
	if h := elements(doc, "h1"); len(h) != 1 || textOf(h[0]) == "" || attribute(h[0], "tabindex") != "-1" {
		return fmt.Errorf("got %d h1, want one that has text and can take focus", len(h))
	}
	if root := elements(doc, "html"); attribute(root[0], "lang") != "en" {
		return fmt.Errorf("html has no lang")
	}
	for _, name := range []string{"title", "main", "header", "footer"} {
		if n := elements(doc, name); len(n) != 1 {
			return fmt.Errorf("got %d %s, want one", len(n), name)
		}
	}
	for _, n := range elements(doc, "p") {
		if attribute(n, "role") == "status" {
			return nil
		}
	}
	return fmt.Errorf("no element with role=status")
}

func knownSteps(doc *html.Node) error {
	for _, ol := range elements(doc, "ol") {
		if !class(ol, "steps") {
			continue
		}
		var current int
		items := elements(ol, "li")
		want := []string{"Allow", "Prepare", "Connect", "Done"}
		if len(items) == 3 {
			want = []string{"Allow", "Connect", "Done"} // for a person
		}
		for i, want := range want {
			if i >= len(items) || !strings.HasSuffix(textOf(items[i]), want) {
				return fmt.Errorf("the steps are neither Allow, Prepare, Connect, Done nor Allow, Connect, Done")
			}
			if attribute(items[i], "aria-current") == "step" {
				current++
			}
		}
		if current != 1 {
			return fmt.Errorf("%d steps are current, want one", current)
		}
	}
	return nil
}

// noInlineCode: the content policy would block it, and it is where an injected text would run.
func noInlineCode(doc *html.Node) error {
	for _, n := range elements(doc) {
		switch {
		case n.Data == "style", n.Data == "script" && (attribute(n, "src") == "" || n.FirstChild != nil), n.Data == "iframe", n.Data == "object", n.Data == "base":
			return fmt.Errorf("element %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "srcdoc" {
				return fmt.Errorf("attribute %s of %s", a.Key, n.Data)
			}
		}
	}
	return nil
}

func labelled(doc *html.Node) error {
	named := map[string]bool{}
	for _, l := range elements(doc, "label") {
		named[attribute(l, "for")] = true
	}
	for _, n := range elements(doc, "input", "select", "textarea") {
		if attribute(n, "type") == "hidden" || named[attribute(n, "id")] || n.Parent.Data == "label" && textOf(n.Parent) != "" {
			continue
		}
		return fmt.Errorf("field %q has no label", attribute(n, "id"))
	}
	for _, n := range elements(doc, "fieldset") {
		if len(elements(n, "legend")) != 1 {
			return fmt.Errorf("a fieldset has no legend")
		}
	}
	for _, n := range elements(doc, "button", "a") {
		if textOf(n) == "" {
			return fmt.Errorf("a %s has no text", n.Data)
		}
	}
	return nil
}

func formsArePosts(doc *html.Node) error {
	for _, f := range elements(doc, "form") {
		action := attribute(f, "action")
		if attribute(f, "method") != "post" || !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") {
			return fmt.Errorf("form %s %q must post to an address of ours", attribute(f, "method"), action)
		}
	}
	return nil
}

func safeLinks(doc *html.Node) error {
	for _, n := range elements(doc) {
		for _, a := range n.Attr {
			if a.Key != "href" && a.Key != "src" {
				continue
			}
			own := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//")
			foreign := n.Data == "a" && (strings.HasPrefix(a.Val, "https://") || strings.HasPrefix(a.Val, "mailto:?"))
			if !own && !foreign {
				return fmt.Errorf("%s leads to %q", n.Data, a.Val)
			}
		}
		if attribute(n, "target") == "_blank" && (attribute(n, "rel") != "noopener" || !strings.Contains(textOf(n), "opens a new tab")) {
			return fmt.Errorf("%q opens a new tab without saying so, or without rel=noopener", textOf(n))
		}
	}
	return nil
}

func oneMainAction(doc *html.Node) error {
	var main int
	for _, n := range elements(doc, "a", "button") {
		if class(n, "main") {
			main++
		}
	}
	if main > 1 {
		return fmt.Errorf("%d main actions", main)
	}
	return nil
}

func uniqueIDs(doc *html.Node) error {
	seen := map[string]bool{}
	for _, n := range elements(doc) {
		if id := attribute(n, "id"); id != "" {
			if seen[id] {
				return fmt.Errorf("two elements have the ID %q", id)
			}
			seen[id] = true
		}
	}
	return nil
}

// Every situation of an onboarding has a screen, so that each is looked at, tested and photographed.
func TestEverySituationHasAScreen(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	shown := map[string]bool{}
	for _, s := range storybook.Screens() {
		_, doc := openScreen(t, mux, s)
		for _, a := range elements(doc, "a") {
			if code, ok := strings.CutPrefix(attribute(a, "href"), "/errors/"); ok {
				shown[code] = true
			}
		}
	}
	for code := range broker.Situations {
		if strings.HasPrefix(string(code), "SK-ONB-") && !shown[string(code)] {
			t.Errorf("no screen shows %s", code)
		}
	}
}

func TestHeadings(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for _, test := range []struct{ path, heading, action string }{
		{"/c/welcome", "Acme Sync asks to connect to Globex Inc.’s NetSuite", "Continue to NetSuite"},
		{"/c/expired", "This link has expired", "Contact Acme Sync"},
		{"/c/connected", "Your NetSuite is already connected", "Reconnect"},
		{"/r/denied/allow", "Nothing was changed", "Try again"},
		{"/r/wrong-account/allow", "You chose Sandbox 1, Acme Sync expects Production", "Choose another account"},
		{"/r/wrong-company/allow", "You chose account 7654321, Acme Sync expects 1234567 or 2345678", "Choose another account"},
		{"/r/setup-role/allow", "The role “Sales” may not do this", "Choose another role"},
		{"/r/confirm-account/allow", "Is this the right account?", "Yes, connect this account"},
		{"/r/two-to-do/prepare", "Two things to do in NetSuite", "Check again"},
		{"/r/bundle-missing/prepare", "The bundle is not there yet", "Check again"},
		{"/r/several-holders/prepare", "Who should Acme Sync act as?", "Act as this user"},
		{"/r/not-approved/prepare", "Approve the integration", "Check again"},
		{"/r/time-over/prepare", "Set-up time is over, your progress is kept", "Continue"},
		{"/r/five-certificates/connect", "NetSuite keeps at most five certificates", "Remove the chosen certificate"},
		{"/r/upload-user/connect", "One more permission, from the integration user", "Send link to Acme Integration"},
		{"/r/test-failed/connect", "Connected, but the test failed", "Try again"},
		{"/r/unreachable/connect", "NetSuite does not answer", "Try now"},
		{"/r/connected/done", "Connected", "Back to Acme Sync"},
	} {
		_, doc := openScreen(t, mux, storybook.Screen{Path: test.path})
		if got := textOf(elements(doc, "h1")[0]); got != test.heading {
			t.Errorf("%s: heading %q, want %q", test.path, got, test.heading)
		}
		i := slices.IndexFunc(elements(doc, "a", "button"), func(n *html.Node) bool { return class(n, "main") })
		if i < 0 {
			t.Errorf("%s: no main action, want %q", test.path, test.action)
		} else if got := textOf(elements(doc, "a", "button")[i]); got != test.action {
			t.Errorf("%s: main action %q, want %q", test.path, got, test.action)
		}
	}
}

// A session link's holder was not chosen by the sender, so nothing of such a run is passed on (ON-01).
func TestSessionRunsCannotBePassedOn(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for path, want := range map[string]int{"/c/welcome-session/send": 409, "/r/unconfirmed/send": 409, "/c/welcome/send": 200, "/r/two-to-do/send": 200} {
		if got := get(t, mux, path).StatusCode; got != want {
			t.Errorf("GET %s = %d, want %d", path, got, want)
		}
	}
	for _, path := range []string{"/c/welcome-session", "/r/unconfirmed"} {
		_, doc := openScreen(t, mux, storybook.Screen{Path: path})
		for _, a := range elements(doc, "a") {
			if strings.HasSuffix(attribute(a, "href"), "/send") {
				t.Errorf("%s offers %q", path, textOf(a))
			}
		}
	}
}

// Where nobody needs to act and scripts are off, the page looks again by itself.
func TestRefreshWithoutScript(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for path, want := range map[string]bool{
		"/r/checking/prepare": true, "/r/provisioning/connect": true, "/r/testing/connect": true, "/r/unconfirmed/prepare": true,
		"/r/two-to-do/prepare": false, "/r/connected/done": false, "/r/several-holders/prepare": false,
	} {
		_, doc := openScreen(t, mux, storybook.Screen{Path: path})
		var inNoscript bool
		for _, n := range elements(doc, "noscript") {
			inNoscript = strings.Contains(textOf(n), `http-equiv="refresh" content="3"`)
		}
		if inNoscript != want {
			t.Errorf("%s refreshes without script: %v, want %v", path, inNoscript, want)
		}
		for _, n := range elements(doc, "meta") {
			if attribute(n, "http-equiv") != "" {
				t.Errorf("%s refreshes with scripts on", path)
			}
		}
	}
}

func TestHandoverLinkIsShownOnceOnly(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	out, err := storybook.Onboarding{}.Act(context.Background(), "two-to-do", "", broker.Action{Kind: broker.ActHandover})
	if err != nil {
		t.Fatal(err)
	}
	res, doc := openScreen(t, mux, storybook.Screen{Path: "/r/two-to-do/handover", Post: url.Values{}})
	if res.StatusCode != http.StatusOK || res.Header.Get("Location") != "" {
		t.Errorf("POST handover = %d to %q, want 200 and no redirect", res.StatusCode, res.Header.Get("Location"))
	}
	var shown bool
	for _, n := range elements(doc, "input") {
		shown = shown || attribute(n, "value") == out.HandoverURL
	}
	if !shown {
		t.Errorf("the page does not show %q", out.HandoverURL)
	}
	_, doc = openScreen(t, mux, storybook.Screen{Path: "/r/two-to-do/send"})
	if len(elements(doc, "input")) != 0 {
		t.Error("GET send shows a link, want the question only")
	}
}

// A person's pages speak of the person, never of set-up, certificates or administrators, and nobody else can take them up.
func TestPersonPages(t *testing.T) {
	t.Parallel()
	mux := newMux(t, nil)
	for _, s := range storybook.Screens() {
		if !strings.HasPrefix(s.Name, "Person: ") && s.Name != "212 another person" {
			continue
		}
		_, doc := openScreen(t, mux, s)
		text := strings.ToLower(textOf(elements(doc, "main")[0]))
		for _, word := range []string{"set-up", "certificate", "bundle", "someone else", "send to"} {
			if strings.Contains(text, word) {
				t.Errorf("%s speaks of %q: %s", s.Name, word, text)
			}
		}
	}
	for path, want := range map[string]string{
		"/c/welcome-person": "It lasts up to 30 days", "/r/person-connected/done": "until 24 December 2026", "/r/person-other/allow": "You signed in as another person",
	} {
		_, doc := openScreen(t, mux, storybook.Screen{Path: path})
		if text := textOf(elements(doc, "main")[0]); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %s", path, want, text)
		}
	}
	for _, path := range []string{"/c/welcome-person/send", "/r/person-checking/send"} {
		if res := get(t, mux, path); res.StatusCode != http.StatusConflict {
			t.Errorf("%s answers %d; a person's link cannot be passed on", path, res.StatusCode)
		}
	}
}

func TestLasts(t *testing.T) {
	t.Parallel()
	for hours, want := range map[int]string{0: "7 days", 1: "1 hour", 24: "24 hours", 47: "47 hours", 48: "2 days", 168: "7 days", 720: "30 days", 50: "50 hours"} {
		app := broker.App{Integration: broker.Integration{User: &broker.UserClient{Public: true, RotationHours: hours}}}
		if got := lasts(app); got != want {
			t.Errorf("%d hours last %q, want %q", hours, got, want)
		}
	}
	if got := lasts(broker.App{Integration: broker.Integration{User: &broker.UserClient{}}}); got != "7 days" {
		t.Errorf("a confidential client's consent lasts %q", got)
	}
}
