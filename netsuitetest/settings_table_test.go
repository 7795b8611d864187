package netsuitetest_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

// TestSettingsPage keeps docs/emulator-settings.md the table.
func TestSettingsPage(t *testing.T) {
	t.Parallel()
	generated(t, "../docs/emulator-settings.md", settingsPage())
}

func settingsPage() string {
	var b strings.Builder
	b.WriteString(`# Settings of the emulator

What Oracle's pages leave open, with the default and what it rests on. H/x is https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/x.html;
a guess is ours. A setting is turned by its name in a seed file (section settings), with PATCH /_emulator/settings, or with Settings.Set on a
command line; in Go by the field of netsuitetest.Settings. Durations are written as 90s, 5m or 2h, lists with commas. This page is
generated from the table in netsuitetest/settings_table.go.
`)
	group := ""
	for _, s := range netsuitetest.AllSettings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| Setting | Field | Values, the default first | Meaning | Source |\n|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", s.Name, s.Field, valuesOf(s), cell(s.Meaning), cell(s.Source))
	}
	b.WriteString("\n## Open points that are no settings\n\n| Point | Why |\n|---|---|\n")
	for _, p := range netsuitetest.OpenPoints() {
		fmt.Fprintf(&b, "| %s | %s |\n", cell(p.Point), cell(p.Why))
	}
	return b.String()
}

func valuesOf(s netsuitetest.Setting) string {
	if s.Values != nil {
		return "`" + strings.Join(s.Values, "`, `") + "`"
	}
	first := "`" + s.Default + "`"
	if s.Default == "" {
		first = "empty"
	}
	if s.AtStart {
		return first + "; " + s.Form + ", at the start only"
	}
	return first + "; " + s.Form
}

// TestEveryFieldIsASetting: each field of Settings has one row, and each row says everything.
func TestEveryFieldIsASetting(t *testing.T) {
	t.Parallel()
	rows, names := map[string]int{}, map[string]int{}
	for _, s := range netsuitetest.AllSettings() {
		rows[s.Field]++
		names[s.Name]++
		if s.Meaning == "" || s.Source == "" || s.Group == "" || s.Name != strings.ToLower(s.Name) {
			t.Errorf("%s: incomplete row %+v", s.Name, s)
		}
		if names[s.Name] > 1 {
			t.Errorf("%s: given twice", s.Name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[netsuitetest.Settings]()) {
		if rows[f.Name] != 1 {
			t.Errorf("field %s has %d rows", f.Name, rows[f.Name])
		}
	}
}

// TestOpenPointsOfThePapers: what the reference papers list as uncertain is a setting of that name. The other rows of their
// lists have no name of their own; OpenPoints tells what became of those.
func TestOpenPointsOfThePapers(t *testing.T) {
	t.Parallel()
	names := strings.Fields(`
		code_ttl code_reuse refresh_reuse_public refresh_race_grace expires_in_type token_type_case scope_in_response server_alg jwks_fields
		jwks_lifetime m2m_bad_key_error bad_grant_type_error error_description assertion_max_life assertion_skew assertion_replay
		assertion_scope_missing m2m_mcp_scope pss_key_oid kid_rule cert_hosts cert_upload_status cert_upload_body cert_revoke_body
		cert_error_format cert_date_format cert_algorithm_values cert_own_scope cert_limit_error cert_dup_error cert_expired_counts
		revoke_status revoke_access_at_once cert_revoke_kills_tokens prompt_none_error never_ask_consent restlet_401_body rest_403_type
		redirect_param_order redirect_error_extra allow_http_loopback_redirects secret_in_body basic_base64url dcr_endpoint
		id_token_claims userinfo_claims rp_suffix td_prefix permission_manage_own_code
		release allow_rs256 missing_prefer null_columns hidden_tables datacenterurls_form datacenterurls_unknown property_name_validation`)
	var s netsuitetest.Settings
	for _, name := range names {
		if _, err := s.Get(name); err != nil {
			t.Error(err)
		}
	}
	if len(netsuitetest.OpenPoints()) == 0 {
		t.Error("no open points")
	}
}

// TestSetAndGet: every setting takes each of its values and tells it again; the default as text is the default.
func TestSetAndGet(t *testing.T) {
	t.Parallel()
	other := map[string]string{"duration": "7m0s", "list": "", "text": ""}
	texts := map[string]string{
		"jwks_fields": "kty,n,e", "cert_algorithm_values": "rsa,ec", "redirect_param_order": "code,state,role,entity,company",
		"id_token_claims": "iss,sub,aud,exp,iat", "userinfo_claims": "sub,name", "prompt_none_error": "interaction_required",
		"permission_manage_own_code": "ADMI_X", "missing_record_code": "RCRD_DSNT_EXIST", "concurrency_code": "REQUEST_LIMIT",
		"concurrency_retry_after": "5", "rp_suffix": "_RP1", "td_prefix": "TDX",
	}
	statuses := map[string]string{
		"cert_upload_status": "201", "cert_limit_error": "409", "cert_dup_error": "422", "revoke_status": "204", "suiteql_get_status": "404",
		"record_write_status": "200", "governance_limits_refusal": "401",
	}
	for _, row := range netsuitetest.AllSettings() {
		t.Run(row.Name, func(t *testing.T) {
			values := slices.Clone(row.Values)
			switch row.Form {
			case "duration":
				values = []string{row.Default, other["duration"]}
			case "status":
				values = []string{row.Default, statuses[row.Name]}
			case "list", "text":
				values = []string{row.Default, texts[row.Name]}
			}
			for _, value := range values {
				var s netsuitetest.Settings
				if err := s.Set(row.Name, value); err != nil {
					t.Fatal(err)
				}
				if got, err := s.Get(row.Name); err != nil || got != value {
					t.Errorf("got %q %v, want %q", got, err, value)
				}
			}
			var s netsuitetest.Settings
			if got, _ := s.Get(row.Name); got != row.Default {
				t.Errorf("zero value is %q, default %q", got, row.Default)
			}
			for _, bad := range []string{"", "nonsense!", "-1", strings.Repeat("x", 10_000), "a b,c\x00"} {
				if row.Name == "concurrency_retry_after" {
					bad += "\x00"
				}
				before := s
				if err := s.Set(row.Name, bad); err == nil || !strings.Contains(err.Error(), row.Name) || len(err.Error()) > 1500 {
					t.Errorf("%.20q: %v", bad, err)
				}
				if !reflect.DeepEqual(before, s) {
					t.Errorf("%.20q changed the setting", bad)
				}
			}
		})
	}
}

// TestSetErrors name the nearest word and the rule.
func TestSetErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want string }{
		{"expires_in_typ", "number", "did you mean expires_in_type?"},
		{"zzz", "1", "use one of release,"},
		{"expires_in_type", "nummber", "did you mean number? (use one of string, number)"},
		{"code_ttl", "soon", "want a duration such as 90s"},
		{"code_ttl", "0s", "must be above 0s"},
		{"assertion_skew", "0s", `must be above 0s; "none" switches it off`},
		{"code_ttl", "-1s", "not negative"},
		{"cert_upload_status", "500", "want a status from 200 to 201"},
		{"jwks_fields", "kty,n", `"e" is missing`},
		{"jwks_fields", "kty,n,e,e", `"e" is given twice`},
		{"jwks_fields", "kty,n,e,d", `unknown element "d"`},
		{"cert_algorithm_values", "RSA", "want 2 elements"},
		{"rp_suffix", "RP", "want _ and capital letters"},
	} {
		var s netsuitetest.Settings
		if err := s.Set(tt.name, tt.value); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %q", tt.name, tt.value, err, tt.want)
		}
	}
}

// TestChangeSettings: all or nothing, start-only settings refused, safe beside requests.
func TestChangeSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := func(name, value string) error {
		return w.srv.ChangeSettings(func(s *netsuitetest.Settings) error { return s.Set(name, value) })
	}
	must(t, set("scope_in_response", "true"))
	if got := w.login(w.confidential); got.Scope == "" {
		t.Error("the change has no effect")
	}
	if err := set("rp_suffix", "_X"); err == nil || !strings.Contains(err.Error(), "at the start alone") {
		t.Errorf("start-only setting: %v", err)
	}
	err := w.srv.ChangeSettings(func(s *netsuitetest.Settings) error {
		s.ExpiresInNumber, s.ServerAlgorithm = true, "HS256"
		return nil
	})
	if err == nil || w.srv.Settings().ExpiresInNumber {
		t.Errorf("half a change was made: %v", err)
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 20 {
				if n%2 == 0 {
					must(t, set("error_description", []string{"true", "false"}[n/2%2]))
				} else {
					w.token(refreshForm(w.confidential, "x"), basicOf(w.confidential))
				}
			}
		})
	}
	all.Wait()
	if got := w.srv.Settings(); got.CodeTTL != 0 || time.Duration(0) != got.RefreshRaceGrace {
		t.Error("the settings given hold defaults")
	}
}

func FuzzSet(f *testing.F) {
	for _, row := range netsuitetest.AllSettings() {
		f.Add(row.Name, row.Default)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		var s netsuitetest.Settings
		if s.Set(name, value) != nil {
			return
		}
		got, err := s.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var again netsuitetest.Settings
		if err := again.Set(name, got); err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("%s=%q is told as %q: %v", name, value, got, err)
		}
	})
}
