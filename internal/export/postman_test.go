package export

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
)

var update = flag.Bool("update", false, "write what the exports are into testdata")

var direct = PostmanOptions{
	Via: ViaDirect, Account: "1234567_SB1", ClientID: strings.Repeat("1f", 32), CertificateID: "-dn7hEMLVNT1Tl48pwSWyqXmzYk9nPRk-7YWvYlI5H4",
	Scopes: []string{"rest_webservices", "restlets"}, RESTletScript: "customscript_acme_health", RESTletDeploy: "customdeploy_acme_health",
}

var viaBroker = PostmanOptions{Via: ViaBroker, Account: "1234567_SB1", Server: "https://connect.acme.example", ClientID: "cl_2yXr7Kq"}

// checkGolden compares an export with the files in testdata, which people review as they review code.
func checkGolden(t *testing.T, name string, files []File) {
	t.Helper()
	folder := filepath.Join("testdata", name)
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := Write(folder, files); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(f.Path)))
		if err != nil || !bytes.Equal(f.Content, want) {
			t.Errorf("%s/%s differs from testdata (%v); go test ./internal/export -update writes it there", name, f.Path, err)
		}
	}
}

func TestPostmanFiles(t *testing.T) {
	for name, o := range map[string]PostmanOptions{"postman-direct": direct, "postman-broker": viaBroker} {
		files, err := Postman(o)
		if err != nil {
			t.Fatal(err)
		}
		checkGolden(t, name, files)
		again, err := Postman(o)
		if err != nil || !slices.EqualFunc(files, again, func(a, b File) bool { return a.Path == b.Path && bytes.Equal(a.Content, b.Content) }) {
			t.Errorf("%s: the same options made other files (%v)", name, err)
		}
	}
}

// TestPostmanVariables: each variable that a collection uses is in the environment or set by its scripts, and no variable of the
// environment is there for nothing.
func TestPostmanVariables(t *testing.T) {
	for _, o := range []PostmanOptions{direct, viaBroker} {
		files, err := Postman(o)
		if err != nil {
			t.Fatal(err)
		}
		collection := string(files[0].Content)
		var environment postmanEnvironment
		if err := json.Unmarshal(files[1].Content, &environment); err != nil {
			t.Fatal(err)
		}
		var known []string
		for _, v := range environment.Values {
			known = append(known, v.Key)
			if !strings.Contains(collection, "'"+v.Key+"'") && !strings.Contains(collection, "{{"+v.Key+"}}") {
				t.Errorf("via %s: the variable %s is in the environment, and nothing reads it", o.Via, v.Key)
			}
		}
		for _, part := range strings.Split(collection, "{{")[1:] {
			name, _, _ := strings.Cut(part, "}}")
			setByScript := strings.Contains(collection, "pm.variables.set('"+name+"'")
			if !slices.Contains(known, name) && !setByScript && name != "$guid" {
				t.Errorf("via %s: the collection uses %s, which nobody sets", o.Via, name)
			}
		}
	}
}

func TestPostmanEmulator(t *testing.T) {
	o := direct
	var err error
	if o.Site, err = netsuite.EmulatorSite("127.0.0.1:8790"); err != nil {
		t.Fatal(err)
	}
	files, err := Postman(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"http://1234567-sb1.suitetalk.localhost:8790", "http://1234567-sb1.restlets.localhost:8790"} {
		if !bytes.Contains(files[1].Content, []byte(want)) {
			t.Errorf("the environment has no %s", want)
		}
	}
}

func TestPostmanRefusals(t *testing.T) {
	change := func(o PostmanOptions, do func(*PostmanOptions)) PostmanOptions {
		do(&o)
		return o
	}
	for name, tt := range map[string]struct {
		o    PostmanOptions
		want string
	}{
		"no way":                      {PostmanOptions{}, "via"},
		"unknown way":                 {change(direct, func(o *PostmanOptions) { o.Via = "Direct" }), "via"},
		"no account":                  {change(direct, func(o *PostmanOptions) { o.Account = "" }), "account ID is empty"},
		"account is a host":           {change(direct, func(o *PostmanOptions) { o.Account = "evil.example/" }), "account ID"},
		"broker, account is a host":   {change(viaBroker, func(o *PostmanOptions) { o.Account = "evil.example/" }), "account ID"},
		"no client":                   {change(direct, func(o *PostmanOptions) { o.ClientID = "" }), "client ID"},
		"client ID of a server":       {change(direct, func(o *PostmanOptions) { o.ClientID = viaBroker.ClientID }), "64 hex digits"},
		"client ID with a variable":   {change(viaBroker, func(o *PostmanOptions) { o.ClientID = "{{secret}}" }), "client ID"},
		"client ID of two lines":      {change(direct, func(o *PostmanOptions) { o.ClientID += "\n" }), "client ID"},
		"certificate with a variable": {change(direct, func(o *PostmanOptions) { o.CertificateID = "{{x}}" }), "certificate ID"},
		"certificate too long":        {change(direct, func(o *PostmanOptions) { o.CertificateID = strings.Repeat("A", 129) }), "certificate ID"},
		"scope with a variable":       {change(direct, func(o *PostmanOptions) { o.Scopes = []string{"{{x}}"} }), "scope"},
		"empty scope":                 {change(direct, func(o *PostmanOptions) { o.Scopes = []string{""} }), "scope"},
		"server for direct":           {change(direct, func(o *PostmanOptions) { o.Server = viaBroker.Server }), "server"},
		"no server":                   {change(viaBroker, func(o *PostmanOptions) { o.Server = "" }), "server"},
		"certificate for broker":      {change(viaBroker, func(o *PostmanOptions) { o.CertificateID = "x" }), "server's business"},
		"scopes for broker":           {change(viaBroker, func(o *PostmanOptions) { o.Scopes = []string{"restlets"} }), "server's business"},
		"script without deployment":   {change(direct, func(o *PostmanOptions) { o.RESTletDeploy = "" }), "only one"},
		"script with a parameter":     {change(direct, func(o *PostmanOptions) { o.RESTletScript = "1&deploy=2" }), "script"},
		"broker, strange script":      {change(viaBroker, func(o *PostmanOptions) { o.RESTletScript = "x" }), "script"},
		"RESTlet without its scope":   {change(direct, func(o *PostmanOptions) { o.Scopes = nil }), "restlets"},
	} {
		files, err := Postman(tt.o)
		if err == nil || files != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d files, %v; want it refused with %q", name, len(files), err, tt.want)
		}
	}
}
