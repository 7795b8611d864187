package netsuite

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseAccountID(t *testing.T) {
	for _, tt := range []struct{ name, in, id, label, describe string }{
		{"production", "1234567", "1234567", "1234567", "Production"},
		{"sandbox as printed", "1234567_SB1", "1234567_SB1", "1234567-sb1", "Sandbox 1"},
		{"sandbox as in hosts", "1234567-sb12", "1234567_SB12", "1234567-sb12", "Sandbox 12"},
		{"sandbox in mixed case with white space", " 1234567_Sb2\n", "1234567_SB2", "1234567-sb2", "Sandbox 2"},
		{"release preview", "1234567_RP", "1234567_RP", "1234567-rp", "Release Preview"},
		{"test drive", "tstdrv1234567", "TSTDRV1234567", "tstdrv1234567", "Test Drive"},
		{"development", "TD1234567", "TD1234567", "td1234567", "Development"},
		{"old named account", "acme", "ACME", "acme", "Production"},
		{"named like a mark", "TDACME", "TDACME", "tdacme", "Production"},
		{"longest", strings.Repeat("9", 63), strings.Repeat("9", 63), strings.Repeat("9", 63), "Production"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAccountID(tt.in)
			if err != nil || got.String() != tt.id || got.HostLabel() != tt.label || got.Describe() != tt.describe {
				t.Errorf("ParseAccountID(%q) = %q (label %q, %q), %v; want %q (%q, %q)", tt.in, got, got.HostLabel(), got.Describe(), err, tt.id, tt.label, tt.describe)
			}
			if again, err := ParseAccountID(got.HostLabel()); again != got || err != nil {
				t.Errorf("the host label reads as %q, %v; want %q", again, err, got)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for id, want := range map[AccountID]Environment{
		"1234567": Production, "1234567_SB1": Sandbox, "1234567_RP": ReleasePreview, "1234567_RP2": ReleasePreview,
		"TSTDRV1": TestDrive, "TD1": Development, "1234567_SB": Production,
	} {
		if got := id.Environment(); got != want || got.String() != string(want) {
			t.Errorf("environment of %s = %q, want %q", id, got, want)
		}
	}
}

// hostileIDs are account IDs that would move a host if they were put into one.
var hostileIDs = []string{
	"", " ", "evil.example/", "x@evil", "1.evil.example#", "1234567.evil.example", "1234567/../evil", "1234567?x=", "1234567#",
	"1234567:443", "1234567:p@evil.example", "//evil.example", `1234567\evil.example`, "1234567%2eevil", "1234567%00", "1234567\x00",
	"1234567\nHost: evil", "1234567\r\n", "12 34567", "-1234567", "1234567-", "_1234567", "1234567_", "1234567__SB1", "1234567--sb1",
	"1234567_-SB1", "１２３４５６７", "1234567。evil", "1234567．evil", "еvil", "1234567\u200b", "1234567\u00adSB1", "[::1]", "127.0.0.1",
	"xn--evil", "*", "1234567,1", "1234567;1", "{1234567}", "$(id)", "'1234567'", strings.Repeat("1", 64), strings.Repeat("1", 1<<20),
}

// TE-04: what belongs together, and what only looks as if it did.
func TestTE04_Company(t *testing.T) {
	for in, want := range map[string]string{
		"1234567": "1234567", "1234567_SB1": "1234567", "1234567-sb1": "1234567", "1234567_SB10": "1234567", "1234567_sb99": "1234567",
		"1234567_RP": "1234567", "1234567-rp": "1234567", "1234567_RP2": "1234567", "acme": "ACME", "ACME_SB1": "ACME", "acme-rp": "ACME",
		"TSTDRV1234567": "TSTDRV1234567", "tstdrv1234567": "TSTDRV1234567", "TSTDRV1234567_SB1": "TSTDRV1234567", "TD1234567": "TD1234567",
		"1234567SB1": "1234567SB1", "SB1": "SB1", "RP": "RP", "1234567_SB": "1234567_SB", "1234567_SBX": "1234567_SBX", "1234567_SB1_SB2": "1234567_SB1",
		"1234567_SB1X": "1234567_SB1X", "1234567_RPX": "1234567_RPX", "1234567_XSB1": "1234567_XSB1", "12345678": "12345678", "123456": "123456",
		"1234567_1": "1234567_1", "0": "0", "A_B_C": "A_B_C", "1234567_TD1": "1234567_TD1",
	} {
		account, err := ParseAccountID(in)
		if err != nil || account.Company().String() != want {
			t.Errorf("company of %q: %q, %v; want %q", in, account.Company(), err, want)
		}
	}
	for _, raw := range []AccountID{"", "_SB1", "_RP"} { // never parsed, but a company must not become empty
		if raw.Company() != raw {
			t.Errorf("company of %q: %q", raw, raw.Company())
		}
	}
}

func TestPX01_HostileAccountIDsAreRefused(t *testing.T) {
	for _, id := range hostileIDs {
		if strings.TrimSpace(id) == "1234567" {
			continue // white space around an ID is removed
		}
		if got, err := ParseAccountID(id); err == nil || got != "" {
			t.Errorf("ParseAccountID(%.60q) = %q, %v; want an error", id, got, err)
		} else if len(err.Error()) > 500 || !strings.HasPrefix(err.Error(), "account ID") {
			t.Errorf("ParseAccountID(%.60q): error %.200q should name the field and be short", id, err)
		}
		for svc := range serviceDomains {
			if u, err := (Site{}).BaseURL(AccountID(id), svc); err == nil {
				t.Errorf("BaseURL of an unparsed %.60q = %s, want an error", id, u)
			}
		}
	}
}

func FuzzParseAccountID(f *testing.F) {
	for _, id := range hostileIDs {
		f.Add(id)
	}
	f.Add("1234567_SB1")
	emulator, err := EmulatorSite("127.0.0.1:8790")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseAccountID(s)
		for _, site := range []Site{{}, emulator} {
			for svc := range serviceDomains {
				u, urlErr := site.BaseURL(AccountID(s), svc) // as if somebody had forgotten to parse
				if (err == nil) != (urlErr == nil) {
					t.Fatalf("ParseAccountID(%q) says %v, BaseURL %v", s, err, urlErr)
				}
				if err == nil {
					requirePX01(t, site, svc, id, u.String())
				}
			}
		}
	})
}

// requirePX01 reads the URL anew: its host is one label made of the ID, and a domain of the table.
func requirePX01(t *testing.T, site Site, svc Service, id AccountID, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("%s does not parse: %v", address, err)
	}
	domain, _ := site.domain(svc)
	label, found := strings.CutSuffix(u.Hostname(), "."+domain)
	if !found || strings.ContainsAny(label, ".:/@") || label != id.HostLabel() || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		t.Fatalf("account %q makes %s, whose host is not %s.%s", id, address, id.HostLabel(), domain)
	}
}
