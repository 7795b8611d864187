package netsuite

import (
	"slices"
	"testing"
)

func TestBaseURL(t *testing.T) {
	emulator, err := EmulatorSite("127.0.0.1:8790")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		svc            Service
		live, emulator string
	}{
		{ServiceApp, "https://1234567-sb1.app.netsuite.com", "http://1234567-sb1.app.localhost:8790"},
		{ServiceSuiteTalk, "https://1234567-sb1.suitetalk.api.netsuite.com", "http://1234567-sb1.suitetalk.localhost:8790"},
		{ServiceRESTlets, "https://1234567-sb1.restlets.api.netsuite.com", "http://1234567-sb1.restlets.localhost:8790"},
		{ServiceExtForms, "https://1234567-sb1.extforms.netsuite.com", "http://1234567-sb1.extforms.localhost:8790"},
	} {
		for site, want := range map[Site]string{{}: tt.live, emulator: tt.emulator} {
			if u, err := site.BaseURL(testAccount, tt.svc); err != nil || u.String() != want {
				t.Errorf("BaseURL(%s) at %s = %v, %v; want %s", tt.svc, site, u, err, want)
			}
		}
	}
	if u, err := (Site{}).BaseURL(testAccount, "evil.example"); err == nil {
		t.Errorf("BaseURL of an unknown service = %s, want an error", u)
	}
	if got := (Site{}).SystemURL().String(); got != "https://system.netsuite.com" {
		t.Errorf("SystemURL = %s", got)
	}
	if got := emulator.SystemURL().String(); got != "http://system.localhost:8790" {
		t.Errorf("SystemURL of an emulator = %s", got)
	}
}

func TestFormActionSources(t *testing.T) {
	emulator, err := EmulatorSite("localhost:8790")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := (Site{}).FormActionSources(), []string{"https:"}; !slices.Equal(got, want) {
		t.Errorf("FormActionSources = %q, want %q", got, want)
	}
	if got, want := emulator.FormActionSources(), []string{"http://*.localhost:8790"}; !slices.Equal(got, want) {
		t.Errorf("FormActionSources of an emulator = %q, want %q", got, want)
	}
}

func TestEmulatorSite(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8790":          "emulator at 127.0.0.1:8790",
		"localhost:1":             "emulator at 127.0.0.1:1",
		"127.9.9.9:65535":         "emulator at 127.9.9.9:65535",
		"[::1]:8790":              "emulator at [::1]:8790",
		"[::ffff:127.0.0.1]:8790": "emulator at 127.0.0.1:8790",
	} {
		if s, err := EmulatorSite(in); err != nil || s.String() != want || !s.IsEmulator() {
			t.Errorf("EmulatorSite(%q) = %s, %v; want %s", in, s, err, want)
		}
	}
	for _, in := range []string{
		"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", ":8790", "0.0.0.0:8790",
		"10.0.0.1:8790", "[::]:8790", "[fe80::1%lo]:8790", "[::1%lo]:8790", "netsuite.com:443", "localhost.evil.example:80", "2130706433:80",
		"127.1:80", "http://127.0.0.1:8790", "user@127.0.0.1:8790", "127.0.0.1:8790/x",
	} {
		if s, err := EmulatorSite(in); err == nil || s.IsEmulator() {
			t.Errorf("EmulatorSite(%q) = %s, %v; want an error", in, s, err)
		}
	}
	if s := (Site{}); s.IsEmulator() || s.String() != "netsuite.com" {
		t.Errorf("the zero site is %s", s)
	}
}

func TestParseSite(t *testing.T) {
	for text, want := range map[string]string{"": "netsuite.com", "netsuite.com": "netsuite.com", "127.0.0.1:8790": "emulator at 127.0.0.1:8790"} {
		if site, err := ParseSite(text); err != nil || site.String() != want {
			t.Errorf("ParseSite(%q) = %s, %v; want %s", text, site, err, want)
		}
	}
	for _, text := range []string{"evil.example:80", "netsuite.com:443", " ", "https://netsuite.com"} {
		if site, err := ParseSite(text); err == nil {
			t.Errorf("ParseSite(%q) = %s, want an error", text, site)
		}
	}
}
