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

// What an account ID shows of its environment is never lost: two spellings are one account or two, and only whole forms make a family.
func TestTE04_Families(t *testing.T) {
	for _, tt := range []struct{ in, id, company, describe string }{
		{"1234567", "1234567", "1234567", "Production"},
		{" 1234567\n", "1234567", "1234567", "Production"},
		{"1234567_SB1", "1234567_SB1", "1234567", "Sandbox 1"},
		{"1234567-sb1", "1234567_SB1", "1234567", "Sandbox 1"},
		{"1234567_sb1", "1234567_SB1", "1234567", "Sandbox 1"},
		{"1234567-SB1", "1234567_SB1", "1234567", "Sandbox 1"},
		{"1234567_SB2", "1234567_SB2", "1234567", "Sandbox 2"},
		{"1234567_SB10", "1234567_SB10", "1234567", "Sandbox 10"},
		{"1234567_SB01", "1234567_SB01", "1234567", "Sandbox 01"}, // another account than SB1, as far as we know
		{"1234567_RP", "1234567_RP", "1234567", "Release Preview"},
		{"1234567-rp", "1234567_RP", "1234567", "Release Preview"},
		{"1234567_RP2", "1234567_RP2", "1234567", "Release Preview"},
		{"TSTDRV1234567", "TSTDRV1234567", "TSTDRV1234567", "Test Drive"},
		{"tstdrv1234567", "TSTDRV1234567", "TSTDRV1234567", "Test Drive"},
		{"TSTDRV1234567_SB1", "TSTDRV1234567_SB1", "TSTDRV1234567", "Sandbox 1"},
		{"TSTDRV1234567_RP", "TSTDRV1234567_RP", "TSTDRV1234567", "Release Preview"},
		{"TD1234567", "TD1234567", "TD1234567", "Development"},
		{"TD1234567_SB1", "TD1234567_SB1", "TD1234567", "Sandbox 1"},
		{"acme", "ACME", "ACME", "Production"},
		{"acme-sb1", "ACME_SB1", "ACME", "Sandbox 1"},
		{"ACME_CORP_SB3", "ACME_CORP_SB3", "ACME_CORP", "Sandbox 3"},

		// Forms that only look like a mark are no sandbox and nobody's relatives.
		{"1234567SB1", "1234567SB1", "1234567SB1", "Production"},
		{"1234567_SB", "1234567_SB", "1234567_SB", "Production"},
		{"1234567_SBX", "1234567_SBX", "1234567_SBX", "Production"},
		{"1234567_SB1X", "1234567_SB1X", "1234567_SB1X", "Production"},
		{"1234567_SB-1", "1234567_SB_1", "1234567_SB_1", "Production"},
		{"1234567_XSB1", "1234567_XSB1", "1234567_XSB1", "Production"},
		{"1234567RP", "1234567RP", "1234567RP", "Production"},
		{"1234567_RPX", "1234567_RPX", "1234567_RPX", "Production"},
		{"SB1", "SB1", "SB1", "Production"},
		{"SB1_1234567", "SB1_1234567", "SB1_1234567", "Production"},
		{"RP_SB1", "RP_SB1", "RP", "Sandbox 1"},
		{"1234567_SB1_SB2", "1234567_SB1_SB2", "1234567_SB1_SB2", "Sandbox 2"},
		{"1234567_SB1_RP", "1234567_SB1_RP", "1234567_SB1_RP", "Release Preview"},
		{"12345678_SB1", "12345678_SB1", "12345678", "Sandbox 1"},
		{"234567_SB1", "234567_SB1", "234567", "Sandbox 1"},
	} {
		got, err := ParseAccountID(tt.in)
		if err != nil || got.String() != tt.id || got.Company().String() != tt.company || got.Describe() != tt.describe {
			t.Errorf("%q is %s of %s (%s), %v; want %s of %s (%s)", tt.in, got, got.Company(), got.Describe(), err, tt.id, tt.company, tt.describe)
		}
		if again := got.Company().Company(); again != got.Company() {
			t.Errorf("the company of %s is of the company %s", got.Company(), again)
		}
	}
	for _, id := range hostileIDs {
		if got, err := ParseAccountID(id); err == nil && got.Company() != "1234567" {
			t.Errorf("%.60q is of the company %s", id, got.Company())
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
