// Package browser_test lets Chromium walk through the wizard as customers do, and look at every screen of it.
package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/web"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

const (
	pictures      = "../../docs/screens" // one or two of every screen of the storybook
	wizardPicture = "../../docs/wizard.png"
)

// updating reports that the pictures in docs are to be made anew.
func updating() bool { return os.Getenv("UPDATE_SCREENSHOTS") == "1" }

// order is the input of walk.mjs.
type order struct {
	Chromium        string `json:"chromium"`
	Home            string `json:"home"`
	Link            string `json:"link"`
	Email           string `json:"email"`
	Company         string `json:"company"`
	IntegrationUser string `json:"integrationUser"`
	Role            string `json:"role"`
	Keyboard        bool   `json:"keyboard"`
	Scripts         bool   `json:"scripts"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	Picture         string `json:"picture,omitempty"`
}

// report is what walk.mjs saw.
type report struct {
	Screens  []screen  `json:"screens"`
	Requests []request `json:"requests"`
	History  []string  `json:"history"`
	Cookies  []cookie  `json:"cookies"`
}

type screen struct {
	Name       string   `json:"name"`
	URL        string   `json:"url"`
	HTML       string   `json:"html"`
	Headings   int      `json:"headings"`
	Focused    string   `json:"focused"`
	Current    string   `json:"current"`
	Wide       bool     `json:"wide"`
	Resources  []string `json:"resources"`
	Stored     []string `json:"stored"`
	Violations []string `json:"violations"`
}

type request struct {
	URL      string `json:"url"`
	Method   string `json:"method"`
	Status   int    `json:"status"`
	Referer  string `json:"referer"`
	Page     string `json:"page"` // that asks for a part of itself; empty when the request is for a page
	Cache    string `json:"cache"`
	Location string `json:"location"`
}

type cookie struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	HTTPOnly bool   `json:"httpOnly"`
	SameSite string `json:"sameSite"`
}

// node runs one of our programs with a JSON document on standard input, and reads the one it writes.
func node(t *testing.T, program string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "node", program)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(body), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v (is everything installed? make deps)\n%s", program, err, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("node %s wrote no report: %v\n%s", program, err, stderr.String())
	}
}

func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; run: make deps", err)
	}
	return path
}

// walk lets Chromium go from a fresh link to Connected, in an emulator of its own.
func walk(t *testing.T, o order) (report, order) {
	t.Helper()
	e := apptest.Start(t, apptest.Config{Edit: func(a *broker.App) {
		a.Brand = broker.Brand{Accent: "#0b6b4f", Support: "https://acme.example/help", Privacy: "https://acme.example/privacy"}
	}})
	link := e.Link(t, broker.LinkSent, apptest.Account)
	o.Chromium, o.Home, o.Link = chromium(t), e.Home.String(), link.URL
	o.Email, o.IntegrationUser, o.Role = "admin@globex.example", "Acme Integration", "Acme Sync"
	o.Company = "Globex Corporation (" + apptest.Account + ")"
	var r report
	node(t, "walk.mjs", o, &r)
	if phase := e.Run(t, link).Phase(); phase != broker.PhaseConnected {
		t.Errorf("the run stands at %s, want %s", phase, broker.PhaseConnected)
	}
	return r, o
}

func TestWalk(t *testing.T) {
	tests := []struct {
		name  string
		order order
	}{
		{"mouse, scripts on, desktop", order{Scripts: true, Width: 1000, Height: 900}},
		{"keyboard alone, scripts on, phone", order{Scripts: true, Keyboard: true, Width: 390, Height: 844}},
		{"mouse, scripts off, phone", order{Width: 390, Height: 844}},
		{"keyboard alone, scripts off, desktop", order{Keyboard: true, Width: 1000, Height: 900}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := walk(t, tt.order)
			var names []string
			for _, s := range r.Screens {
				names = append(names, s.Name)
				s.check(t, tt.order.Scripts)
			}
			if want := []string{"Welcome", "Prepare: the bundle", "Prepare: the role", "Connected", "Receipt"}; !slices.Equal(names, want) {
				t.Errorf("screens = %q, want %q", names, want)
			}
		})
	}
}

func (s screen) check(t *testing.T, scripts bool) {
	t.Helper()
	for _, v := range s.Violations {
		t.Errorf("%s: axe: %s", s.Name, v)
	}
	if s.Headings != 1 {
		t.Errorf("%s: %d elements h1, want one", s.Name, s.Headings)
	}
	if s.Current == "" {
		t.Errorf("%s: no step has aria-current", s.Name)
	}
	if s.Wide {
		t.Errorf("%s: wider than the window", s.Name)
	}
	// After NetSuite's tab the focus stays where the person left it; a page newly opened has it on its heading.
	if scripts && slices.Contains([]string{"Welcome", "Receipt"}, s.Name) && s.Focused != "H1" {
		t.Errorf("%s: focus is on %s, want the heading", s.Name, s.Focused)
	}
}

// TestON08_NoLeakByRefererHistoryOrCache: neither the link nor what NetSuite sends back gets to where it does not belong.
func TestON08_NoLeakByRefererHistoryOrCache(t *testing.T) {
	o := order{Scripts: true, Width: 1000, Height: 900}
	if updating() {
		o.Picture = wizardPicture
	}
	r, o := walk(t, o)
	secrets := r.secrets(t, o)
	if updating() {
		shrinkFile(t, wizardPicture)
	}
	for _, leak := range r.leaks(o.Home, secrets) {
		t.Error(leak)
	}
	t.Run("the judge sees a leak", func(t *testing.T) { judgeSees(t, r, o.Home, secrets) })
}

// secrets are what travelled in URLs once, as it must.
type secrets struct{ link, code, state string }

func (r report) secrets(t *testing.T, o order) secrets {
	t.Helper()
	s := secrets{link: o.Link[strings.LastIndex(o.Link, "/")+1:]}
	for _, q := range r.Requests {
		if u, err := url.Parse(q.URL); err == nil && strings.HasPrefix(u.Path, "/callback/") {
			s.code, s.state = u.Query().Get("code"), u.Query().Get("state")
		}
	}
	if s.link == "" || s.code == "" || s.state == "" {
		t.Fatal("the walk shows no link token, code or state: this test would see nothing")
	}
	return s
}

func (s secrets) in(text string) bool {
	return strings.Contains(text, s.link) || strings.Contains(text, s.code) || strings.Contains(text, s.state)
}

func (r report) leaks(home string, s secrets) []string {
	var found []string
	for _, q := range r.Requests {
		found = append(found, q.leaks(home, s)...)
	}
	for i, at := range r.History {
		if first := i == 0 || r.History[i-1] == "about:blank"; strings.Contains(at, s.code) || strings.Contains(at, home) && strings.Contains(at, s.state) || strings.Contains(at, s.link) && !first {
			found = append(found, "the history keeps "+at)
		}
	}
	for _, p := range r.Screens {
		found = append(found, p.leaks(home, s)...)
	}
	for _, c := range r.Cookies {
		if !c.HTTPOnly || c.SameSite == "None" || s.in(c.Value) {
			found = append(found, "scripts or other sites can use the cookie "+c.Name)
		}
	}
	return found
}

func (q request) leaks(home string, s secrets) []string {
	u, err := url.Parse(q.URL)
	if err != nil {
		return []string{"not a URL: " + q.URL}
	}
	var found []string
	ours := u.Scheme+"://"+u.Host == home
	callback := ours && strings.HasPrefix(u.Path, "/callback/")
	// What NetSuite tells itself is its own affair.
	if away := !strings.HasPrefix(q.Referer, u.Scheme+"://"+u.Host+"/"); (ours || away) && s.in(q.Referer) || strings.HasPrefix(q.Referer, home) && !ours {
		found = append(found, "Referer "+q.Referer+" is sent to "+q.URL)
	}
	if strings.Contains(q.URL, s.link) && (!ours || u.Path != "/c/"+s.link) {
		found = append(found, "the link's token is in "+q.URL)
	}
	if strings.Contains(q.URL, s.code) && !callback {
		found = append(found, "the code is in "+q.URL)
	}
	if strings.Contains(q.URL, s.state) && ours && !callback {
		found = append(found, "the state is in "+q.URL)
	}
	if strings.HasPrefix(q.Page, home) && !ours {
		found = append(found, "a page of ours asks for "+q.URL)
	}
	if callback && (q.Status != http.StatusSeeOther || strings.ContainsAny(q.Location, "?#") || s.in(q.Location)) {
		found = append(found, "the callback leads to "+q.Location)
	}
	if static := strings.HasPrefix(u.Path, "/static/") || strings.HasPrefix(u.Path, "/brand/"); ours && !static && !strings.Contains(q.Cache, "no-store") {
		found = append(found, "the browser may keep "+q.URL+": Cache-Control "+q.Cache)
	}
	return found
}

func (p screen) leaks(home string, s secrets) []string {
	var found []string
	for _, resource := range p.Resources {
		if !strings.HasPrefix(resource, home+"/") {
			found = append(found, p.Name+" loads "+resource)
		}
	}
	if len(p.Stored) > 0 {
		found = append(found, p.Name+" stores "+strings.Join(p.Stored, ", "))
	}
	if p.Name != "Welcome" && s.in(p.HTML+p.URL) {
		found = append(found, p.Name+" holds the link's token, the code or the state")
	}
	return found
}

// judgeSees adds one leak at a time to a clean report.
func judgeSees(t *testing.T, clean report, home string, s secrets) {
	bad := map[string]report{
		"Referer":        {Requests: []request{{URL: "http://elsewhere.example/", Referer: home + "/r/1"}}},
		"link elsewhere": {Requests: []request{{URL: "http://elsewhere.example/c/" + s.link}}},
		"link later":     {Requests: []request{{URL: home + "/r/1?from=" + s.link, Cache: "no-store"}}},
		"code":           {Requests: []request{{URL: home + "/r/1?code=" + s.code, Cache: "no-store"}}},
		"state":          {Requests: []request{{URL: home + "/r/1?state=" + s.state, Cache: "no-store"}}},
		"third party":    {Requests: []request{{URL: "http://cdn.example/x.js", Page: home + "/r/1"}}},
		"callback":       {Requests: []request{{URL: home + "/callback/a", Status: 302, Cache: "no-store"}}},
		"cache":          {Requests: []request{{URL: home + "/r/1", Cache: "private"}}},
		"history":        {History: []string{"about:blank", home + "/callback/a?code=" + s.code}},
		"resource":       {Screens: []screen{{Resources: []string{"http://cdn.example/x.png"}}}},
		"storage":        {Screens: []screen{{Stored: []string{"token"}}}},
		"page":           {Screens: []screen{{HTML: s.state}}},
		"cookie":         {Cookies: []cookie{{Name: "run", SameSite: "Lax"}}},
	}
	for name, b := range bad {
		both := report{
			Requests: slices.Concat(clean.Requests, b.Requests), Screens: slices.Concat(clean.Screens, b.Screens),
			History: slices.Concat(clean.History, b.History), Cookies: slices.Concat(clean.Cookies, b.Cookies),
		}
		if len(both.leaks(home, s)) <= len(clean.leaks(home, s)) {
			t.Errorf("%s: not seen", name)
		}
	}
}

// picture is a screen as storybook.mjs wants it.
type picture struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Submits bool   `json:"submits"`
	Fill    []fill `json:"fill,omitempty"`
	Press   string `json:"press,omitempty"`
	File    string `json:"file"`
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func storybookScreens() []picture {
	var all []picture
	for _, s := range storybook.Screens() {
		all = append(all, picture{Name: s.Name, Path: s.Path, Submits: s.Submits(), File: fileName(s.Name)})
	}
	return all
}

func fileName(screen string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(screen), "-"), "-")
}

func TestStorybook(t *testing.T) {
	judge(t, gallery{Home: serveStorybook(t), Screens: storybookScreens()}, pictures)
}

// gallery is the input of storybook.mjs.
type gallery struct {
	Chromium string          `json:"chromium"`
	Home     string          `json:"home"`
	Folder   string          `json:"folder,omitempty"`
	Cookies  []sessionCookie `json:"cookies,omitempty"`
	Screens  []picture       `json:"screens"`
}

// judge looks at every screen in four ways, and photographs it into the folder when pictures are to be made anew.
func judge(t *testing.T, in gallery, folder string) {
	t.Helper()
	in.Chromium = chromium(t)
	if updating() {
		in.Folder = folder
	}
	var seen []struct {
		Name       string   `json:"name"`
		Look       string   `json:"look"`
		Wide       bool     `json:"wide"`
		Violations []string `json:"violations"`
	}
	node(t, "storybook.mjs", in, &seen)
	if updating() {
		shrink(t, folder)
	}
	if want := 4 * len(in.Screens); len(seen) != want {
		t.Errorf("%d looks at screens, want %d", len(seen), want)
	}
	for _, s := range seen {
		for _, v := range s.Violations {
			t.Errorf("%s (%s): axe: %s", s.Name, s.Look, v)
		}
		if s.Wide {
			t.Errorf("%s (%s): wider than the window", s.Name, s.Look)
		}
	}
}

func serveStorybook(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	home, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := web.New(web.Config{
		Onboarding: storybook.Onboarding{Leads: server.URL + "/"}, PublicURL: home, Now: storybook.Now, Emulator: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	handler.Register(mux)
	mux.HandleFunc("GET /{$}", storybook.Index)
	return server.URL
}

// TestPictures: docs show every screen, and no screen that is gone.
func TestPictures(t *testing.T) {
	if updating() {
		if _, err := os.Stat(wizardPicture); err != nil {
			t.Error(err)
		}
	}
	comparePictures(t, pictures, storybookScreens())
}

// comparePictures: the folder has two of every screen, and no other.
func comparePictures(t *testing.T, folder string, screens []picture) {
	t.Helper()
	want := map[string]bool{}
	for _, s := range screens {
		want[s.File+".png"], want[s.File+"-390.png"] = true, true
	}
	have, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range have {
		if name := filepath.Base(path); !want[name] {
			t.Errorf("%s shows no screen; remove it", path)
		} else {
			delete(want, name)
		}
	}
	for name := range want {
		t.Errorf("%s is missing; run: make screenshots", filepath.Join(folder, name))
	}
}
