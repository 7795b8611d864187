package export

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
)

func acme() broker.App {
	return broker.App{
		Name: "acme-sync", DisplayName: `Acme "Sync" <&>`, Scopes: []string{"rest_webservices", "restlets"},
		Role:   broker.Role{ScriptID: "customrole_acme_sync", Permissions: map[string]string{"LIST_CUSTJOB": "VIEW", "TRAN_SALESORD": "EDIT"}},
		Bundle: broker.Bundle{ID: 123456},
	}
}

var office = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/24")}

func projectFiles(t *testing.T, o SDFOptions) []File {
	t.Helper()
	files, err := SDF(o)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func contentOf(t *testing.T, files []File, path string) string {
	t.Helper()
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("%s is missing", path)
	}
	return string(files[i].Content)
}

func TestSDFProject(t *testing.T) {
	plain := projectFiles(t, SDFOptions{App: acme()})
	whole := projectFiles(t, SDFOptions{App: acme(), Suitelet: true, Addresses: office})
	if problems := CheckSDF(whole); len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	role := contentOf(t, plain, "src/Objects/customrole_acme_sync.xml")
	for _, want := range []string{"<permkey>LIST_CUSTJOB</permkey>\n      <permlevel>VIEW</permlevel>", DefaultManageOwnCode, "Acme &#34;Sync&#34; &lt;&amp;&gt;", "<iswebserviceonlyrole>F<"} {
		if !strings.Contains(role, want) {
			t.Errorf("the role lacks %s:\n%s", want, role)
		}
	}
	if !strings.Contains(contentOf(t, whole, "src/FileCabinet/SuiteScripts/acme_sync/lib/ids.js"), `addresses: ["203.0.113.0/24"]`) {
		t.Error("the addresses are not in the project")
	}
	for _, f := range plain {
		if strings.Contains(f.Path, "suitelet") || strings.Contains(f.Path, "gate") || bytes.Contains(f.Content, []byte("isonline")) {
			t.Errorf("%s is for the Suitelet, which nobody asked for", f.Path)
		}
		if bytes.Contains(f.Content, []byte("{{.")) {
			t.Errorf("%s holds a placeholder", f.Path)
		}
	}
	if got := contentOf(t, projectFiles(t, SDFOptions{App: acme(), ManageOwnCode: "admi_other"}), "src/Objects/customrole_acme_sync.xml"); !strings.Contains(got, "ADMI_OTHER") || strings.Contains(got, DefaultManageOwnCode) {
		t.Errorf("the code of the permission is not the one that was given:\n%s", got)
	}
}

func TestSDFRefusals(t *testing.T) {
	long := acme()
	long.Name = "a-name-that-is-much-too-long"
	for name, o := range map[string]SDFOptions{
		"a long name":              {App: long},
		"a malicious prefix":       {App: acme(), Prefix: `x"/><evil>`},
		"a prefix of digits":       {App: acme(), Prefix: "1acme"},
		"a malicious permission":   {App: acme(), ManageOwnCode: "ADMI</permkey>"},
		"no address":               {App: acme(), Suitelet: true},
		"an address without need":  {App: acme(), Addresses: office},
		"an address of IPv6":       {App: acme(), Suitelet: true, Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}},
		"a prefix in upper case":   {App: acme(), Prefix: "Acme"},
		"a path instead of a name": {App: acme(), Prefix: "../acme"},
	} {
		files, err := SDF(o)
		var field *FieldError
		if !errors.As(err, &field) || files != nil {
			t.Errorf("%s: %d files, %v; want an error that names the field", name, len(files), err)
		}
	}
	long.Name, long.Role.Permissions = "acme", map[string]string{"ADMI_KERNEL": "FULL"}
	if _, err := SDF(SDFOptions{App: long}); err == nil || !strings.Contains(err.Error(), "least privilege") {
		t.Errorf("core administration: %v", err)
	}
}

// Each rule of the checker, broken once.
func TestCheckSDF(t *testing.T) {
	const (
		role   = "src/Objects/customrole_acme_sync.xml"
		script = "src/Objects/customscript_acme_sync_token.xml"
		mint   = "src/Objects/customscript_acme_sync_mint.xml"
	)
	for name, tt := range map[string]struct{ file, old, new, want string }{
		"no manifest":            {"src/manifest.xml", "", "", "is missing"},
		"another project type":   {"src/manifest.xml", "ACCOUNTCUSTOMIZATION", "SUITEAPP", "projecttype"},
		"no framework version":   {"src/manifest.xml", "1.0", "2.0", "frameworkversion"},
		"a feature is missing":   {"src/manifest.xml", "CUSTOMRECORDS", "CRM", "needs the feature CUSTOMRECORDS"},
		"a path into nothing":    {"src/deploy.xml", "acme_sync", "other", "nothing is at"},
		"customrole as element":  {role, "<role ", "<customrole ", "is not well-formed"},
		"an unknown element":     {role, "role", "integration", "none of SDF's"},
		"no centre":              {role, "<centertype>BASIC</centertype>", "", "needs centertype"},
		"a wrong prefix":         {role, `scriptid="customrole_acme_sync"`, `scriptid="custrole_acme_sync"`, "must begin with customrole"},
		"upper case":             {role, `scriptid="customrole_acme_sync"`, `scriptid="customrole_Acme"`, "must begin with customrole"},
		"a long ID":              {script, "customdeploy_acme_sync_token", "customdeploy_acme_sync_token_and_more_than_fits", "are allowed"},
		"a file of another name": {role, "customrole_acme_sync", "customrole_acme_other", "must be named after"},
		"a bad permission":       {role, "LIST_CUSTJOB", "customers", "none of the forms"},
		"a bad level":            {role, "VIEW", "READ", "must be VIEW"},
		"a bad status":           {script, "RELEASED", "LIVE", "status"},
		"a script that is gone":  {script, "token.js", "gone.js", "which is not there"},
		"a script of a kind":     {script, "token.js", "mint.js", "@NScriptType Restlet"},
		"a role that is gone":    {script, "[scriptid=customrole_acme_sync]", "[scriptid=customrole_none]", "which nothing defines"},
		"too often":              {mint, "PT15M", "PT5M", "the shortest is PT15M"},
		"two recurrences":        {mint, "</daily>", "</daily><single></single>", "exactly one"},
		"an ID twice":            {mint, "customdeploy_acme_sync_mint", "customdeploy_acme_sync_token", "too"},
		"something behind":       {role, "</role>", "</role><role/>", "behind the root"},
	} {
		t.Run(name, func(t *testing.T) {
			files := projectFiles(t, SDFOptions{App: acme()})
			i := slices.IndexFunc(files, func(f File) bool { return f.Path == tt.file })
			if tt.old == "" {
				files = slices.Delete(files, i, i+1)
			} else {
				changed := strings.ReplaceAll(string(files[i].Content), tt.old, tt.new)
				if changed == string(files[i].Content) {
					t.Fatalf("%s holds no %q", tt.file, tt.old)
				}
				files[i].Content = []byte(changed)
			}
			if problems := CheckSDF(files); !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, tt.want) }) {
				t.Errorf("problems %q, want one with %q", problems, tt.want)
			}
		})
	}
}
