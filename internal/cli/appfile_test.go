package cli

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
)

const clientID = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// goodApp is the definition of design section 4.3.
const goodApp = `name: acme-sync
display_name: Acme Sync
integration:
  consent: {client_id: "` + clientID + `", public: true}
  m2m:     {client_id: "` + clientID + `"}
scopes: [rest_webservices, restlets]
bundle:  {id: 123456, source_account: TSTDRV1000001, health: {script: customscript_acme_health, deploy: customdeploy_acme_health}}
role:    {script_id: customrole_acme_sync, permissions: {ADMI_RESTWEBSERVICES: FULL, LIST_CUSTJOB: VIEW}}
certificate: {key: P-256, days: 729}
tasks:
  - name: settings record
    request: {method: PUT, path: "/services/rest/record/v1/customrecord_acme/eid:settings", body: {name: main}}
probe:
  - suiteql: SELECT id FROM customer FETCH FIRST 1 ROWS ONLY
return_urls: [https://app.acme.example/netsuite/connected]
brand: {logo: acme.svg, accent: "#0b6", support: https://acme.example/help, privacy: https://acme.example/privacy}
`

const goodSVG = `<?xml version="1.0" encoding="UTF-8"?>
<!-- drawn by hand -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">
	<title>Acme</title><defs><linearGradient id="g"><stop offset="0" style="stop-color:#0b6"/></linearGradient></defs>
	<style>.a { fill: url(#g) }</style><path class="a" fill="url(#g)" d="M0 0h10v10z"/><use xlink:href="#g"/>
</svg>
`

func goodPNG(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// folder makes a folder with files that only their owner can read.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// with replaces text in the good definition, and fails when it is not there.
func with(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(goodApp, old) {
		t.Fatalf("%q is not in the definition", old)
	}
	return strings.Replace(goodApp, old, new, 1)
}

func TestReadAppFile(t *testing.T) {
	dir := folder(t, map[string]string{"app.yaml": goodApp, "acme.svg": goodSVG})
	a, secret, err := readAppFile(filepath.Join(dir, "app.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Name != "acme-sync" || a.Bundle.ID != 123456 || a.Role.Permissions["LIST_CUSTJOB"] != "VIEW" || a.Tasks[0].Request.Body["name"] != "main" {
		t.Errorf("the definition was not read whole: %+v", a)
	}
	if string(a.Logo) != goodSVG || a.LogoType != "image/svg+xml" || !secret.Consent.IsZero() {
		t.Errorf("logo of %d bytes and type %q, secret %v; want the SVG and no secret", len(a.Logo), a.LogoType, !secret.Consent.IsZero())
	}
}

func TestReadAppFileCompletes(t *testing.T) {
	text := with(t, "display_name: Acme Sync\n", "")
	text = strings.Replace(text, "certificate: {key: P-256, days: 729}\n", "", 1)
	text = strings.Replace(text, "logo: acme.svg, accent: \"#0b6\"", "logo: acme.png", 1)
	dir := folder(t, map[string]string{"app.yaml": text, "acme.png": goodPNG(t, 64, 32)})
	a, _, err := readAppFile(filepath.Join(dir, "app.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if a.DisplayName != "acme-sync" || a.Certificate.Days != 729 || a.Brand.Accent != "#0b6b4f" || a.LogoType != "image/png" {
		t.Errorf("got %q, %d days, accent %s, logo %s", a.DisplayName, a.Certificate.Days, a.Brand.Accent, a.LogoType)
	}
}

func TestReadAppFileWithSecret(t *testing.T) {
	dir := folder(t, map[string]string{
		"app.yaml": with(t, "public: true", "client_secret_file: acme.secret"), "acme.svg": goodSVG, "acme.secret": clientID + "\n",
	})
	_, secret, err := readAppFile(filepath.Join(dir, "app.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if secret.Consent.Reveal() != clientID {
		t.Error("the secret was not read, or not trimmed")
	}
}

func TestReadAppFileRefuses(t *testing.T) {
	secret := "client_secret_file: acme.secret"
	tests := []struct {
		name  string
		app   string // "" leaves the file out
		files map[string]string
		want  string // part of the error
	}{
		{name: "missing", want: "no such file or directory"},
		{name: "empty", app: "\n", want: "app.yaml: the file is empty"},
		{name: "too large", app: strings.Repeat("# x\n", 100_000), want: "it may have at most 262144 bytes"},
		{name: "binary", app: "\x7fELF\x00\x01", want: "must be UTF-8 text"},
		{name: "foreign: JSON of something else", app: `{"type": "service_account"}`, want: `key "type": unknown key`},
		{name: "unknown key", app: with(t, "return_urls:", "return_url:"), want: `line 15, key "return_url": unknown key; did you mean "return_urls"?`},
		{name: "unknown key inside", app: with(t, "source_account:", "sourceaccount:"), want: `key "bundle.sourceaccount": unknown key; did you mean "source_account"?`},
		{name: "number for text", app: with(t, "name: acme-sync", "name: 5"), want: `key "name": must be text`},
		{name: "text for number", app: with(t, "id: 123456", "id: '123456'"), want: `key "bundle.id": must be a whole number`},
		{name: "rule broken", app: with(t, "name: acme-sync", "name: Acme Sync!"), want: `field "name": must be 1 to 63 lower-case letters`},
		{name: "administrator", app: with(t, "customrole_acme_sync", "administrator"), want: `field "role.script_id"`},
		{name: "script as address", app: with(t, "https://app.acme.example/netsuite/connected", "'javascript:alert(1)'"), want: `field "return_urls[0]"`},
		{name: "internal field by name", app: goodApp + "Version: 3\n", want: `key "Version": unknown key`},
		{name: "secret missing", app: with(t, "public: true", secret), want: `field "integration.consent.client_secret_file": acme.secret: no such file`},
		{name: "secret empty", app: with(t, "public: true", secret), files: map[string]string{"acme.secret": ""}, want: "it holds 0 characters"},
		{name: "secret too short", app: with(t, "public: true", secret), files: map[string]string{"acme.secret": "hunter2"}, want: "it holds 7 characters"},
		{name: "secret huge", app: with(t, "public: true", secret), files: map[string]string{"acme.secret": strings.Repeat("a", 2000)}, want: "at most 1024 bytes"},
		{name: "secret and public", app: with(t, "public: true", "public: true, "+secret), files: map[string]string{"acme.secret": clientID}, want: "a public client has no secret"},
		{name: "logo missing", app: with(t, "acme.svg", "gone.svg"), want: `field "brand.logo": gone.svg: no such file`},
		{name: "logo is a folder", app: with(t, "acme.svg", "."), want: "it must be a file"},
		{name: "logo too large", app: goodApp, files: map[string]string{"acme.svg": goodSVG + strings.Repeat(" ", maxLogo)}, want: "it may have at most 65536 bytes"},
		{name: "logo is text", app: goodApp, files: map[string]string{"acme.svg": "hello"}, want: "it must be a PNG or SVG picture"},
		{name: "logo is empty", app: goodApp, files: map[string]string{"acme.svg": ""}, want: "it must be a PNG or SVG picture"},
		{name: "logo is a page", app: goodApp, files: map[string]string{"acme.svg": "<html><body/></html>"}, want: "it must be a PNG or SVG picture"},
		{name: "logo is another picture", app: goodApp, files: map[string]string{"acme.svg": "GIF89a"}, want: "it must be a PNG or SVG picture"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"acme.svg": goodSVG}
			for name, content := range tt.files {
				files[name] = content
			}
			if tt.app != "" {
				files["app.yaml"] = tt.app
			}
			a, secret, err := readAppFile(filepath.Join(folder(t, files), "app.yaml"))
			if broker.CodeOf(err) != broker.CodeAppInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s with code %s", err, tt.want, broker.CodeAppInvalid)
			}
			if a.Name != "" || !secret.Consent.IsZero() || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 {
				t.Errorf("a refused file gave something: app %q, secret %v, error %.1000s", a.Name, !secret.Consent.IsZero(), err)
			}
		})
	}
}

func TestSecretFileOfOthersIsRefused(t *testing.T) {
	for mode, accepted := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o666: false, 0o620: false, 0o610: false} {
		dir := folder(t, map[string]string{"app.yaml": with(t, "public: true", "client_secret_file: acme.secret"), "acme.svg": goodSVG, "acme.secret": clientID})
		if err := os.Chmod(filepath.Join(dir, "acme.secret"), mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := readAppFile(filepath.Join(dir, "app.yaml"))
		if (err == nil) != accepted || err != nil && !strings.Contains(err.Error(), "chmod 600 ") {
			t.Errorf("mode %04o: got %v, want accepted %v", mode, err, accepted)
		}
	}
}

// A pipe would block the reader for ever.
func TestPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAppFile(path); err == nil || !strings.Contains(err.Error(), "it must be a file") {
		t.Errorf("got %v", err)
	}
}

func TestCheckLogo(t *testing.T) {
	svg := func(inside string) string {
		return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">` + inside + `</svg>`
	}
	whole := goodPNG(t, 8, 8)
	tests := []struct {
		name, logo string
		want       string // part of the error; "" accepts
	}{
		{"svg", goodSVG, ""},
		{"svg without declaration", svg(`<rect width="1" height="1"/>`), ""},
		{"png", whole, ""},
		{"png cut", whole[:40], "not a whole PNG"},
		{"png damaged", whole[:45] + "xxxx" + whole[49:], "not a whole PNG"},
		{"png of the first bytes only", whole[:8], "not a whole PNG"},
		{"png too wide", goodPNG(t, 2049, 1), "2048 x 2048 are enough"},
		{"script", svg(`<script>alert(1)</script>`), `element "script"`},
		{"script in capitals", svg(`<SCRIPT>alert(1)</SCRIPT>`), `element "SCRIPT"`},
		{"script of XHTML", svg(`<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>`), `element "script"`},
		{"script by another prefix", svg(`<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>`), `element "script"`},
		{"page inside", svg(`<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>`), `element "foreignObject"`},
		{"handler", svg(`<rect onload="alert(1)"/>`), `attribute "onload"`},
		{"handler in capitals", svg(`<rect OnClick="alert(1)"/>`), `attribute "OnClick"`},
		{"handler on the root", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, `attribute "onload"`},
		{"link", svg(`<a xlink:href="javascript:alert(1)"><rect/></a>`), `element "a"`},
		{"outside reference", svg(`<use xlink:href="https://evil.example/x.svg#a"/>`), `attribute "href"`},
		{"data reference", svg(`<use href="data:image/svg+xml;base64,AAAA#a"/>`), `attribute "href"`},
		{"picture inside", svg(`<image href="https://evil.example/x.png"/>`), `element "image"`},
		{"other base", svg(`<g xml:base="https://evil.example/"/>`), `attribute "base"`},
		{"animation", svg(`<animate attributeName="href" to="javascript:alert(1)"/>`), `element "animate"`},
		{"set", svg(`<set attributeName="onload" to="alert(1)"/>`), `element "set"`},
		{"style that fetches", svg(`<style>.a{fill:url(https://evil.example/)}</style>`), "refers to something outside"},
		{"style that fetches in quotes", svg(`<style>.a{fill:URL( "//evil.example/")}</style>`), "refers to something outside"},
		{"style that imports", svg(`<style>@import "https://evil.example/a.css";</style>`), "refers to something outside"},
		{"style with escapes", svg(`<style>.a{fill:u\72l(//evil.example)}</style>`), "refers to something outside"},
		{"style in CDATA", svg(`<style><![CDATA[@import "x";]]></style>`), "refers to something outside"},
		{"attribute that fetches", svg(`<rect fill="url(https://evil.example/#a)"/>`), "refers to something outside"},
		{"attribute by entity", svg(`<rect style="fill:url&#40;//evil.example)"/>`), "refers to something outside"},
		{"document type", `<!DOCTYPE svg [<!ENTITY a "b">]>` + svg("&a;"), "it has a document type"},
		{"unknown entity", svg("&a;"), "not well-formed"},
		{"style sheet", `<?xml-stylesheet href="https://evil.example/a.css"?>` + svg(""), "processing instruction"},
		{"another encoding", `<?xml version="1.0" encoding="UTF-7"?>` + svg(""), "must be a PNG or SVG picture"},
		{"no namespace", `<svg><rect/></svg>`, "must be a PNG or SVG picture"},
		{"second root", svg("") + svg(`<script/>`), `element "script"`},
		{"not closed", `<svg xmlns="http://www.w3.org/2000/svg"><g>`, "not well-formed"},
		{"nothing", "", "must be a PNG or SVG picture"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := checkLogo([]byte(tt.logo))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzCheckLogo(f *testing.F) {
	f.Add([]byte(goodSVG))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`))
	f.Fuzz(func(t *testing.T, logo []byte) {
		mediaType, err := checkLogo(logo)
		if err != nil || mediaType == "image/png" {
			return
		}
		if bytes.Contains(bytes.ToLower(logo), []byte("<script")) && !bytes.Contains(logo, []byte("<!--")) && !bytes.Contains(logo, []byte("<![CDATA[")) {
			t.Errorf("a script passed: %q", logo)
		}
	})
}

func TestReadSmallNamesNoPathTwice(t *testing.T) {
	_, err := readSmall(filepath.Join(t.TempDir(), "gone"), 10)
	if !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v, want the reason alone", err)
	}
}

func TestReadAppFileWithUserClient(t *testing.T) {
	const user = "\n  user: {client_id: \"" + clientID + "\", public: true, rotation_hours: 720}"
	withUser := func(section string) string { return with(t, "public: true}", "public: true}"+section) }
	read := func(files map[string]string) (broker.App, onboard.AppSecrets, error) {
		files["acme.svg"] = goodSVG
		return readAppFile(filepath.Join(folder(t, files), "app.yaml"))
	}
	a, secrets, err := read(map[string]string{"app.yaml": withUser(user)})
	if err != nil {
		t.Fatal(err)
	}
	want := broker.UserClient{ClientID: clientID, Public: true, RefreshTokenHours: 48, RotationHours: 720}
	if a.Integration.User == nil || *a.Integration.User != want || secrets != (onboard.AppSecrets{}) {
		t.Errorf("got %+v, want %+v", a.Integration.User, want)
	}
	if a, _, err := read(map[string]string{"app.yaml": goodApp}); err != nil || a.Integration.User != nil {
		t.Errorf("without the section: %+v, %v", a.Integration.User, err)
	}
	confidential := "\n  user: {client_id: \"" + clientID + "\", client_secret_file: portal.secret}"
	_, secrets, err = read(map[string]string{"app.yaml": withUser(confidential), "portal.secret": clientID})
	if err != nil || secrets.User.Reveal() != clientID || !secrets.Consent.IsZero() {
		t.Errorf("a confidential user client: %v", err)
	}
	for name, section := range map[string]string{
		"client_id":                 "\n  user: {public: true}",
		"refresh_token_hours":       "\n  user: {client_id: \"" + clientID + "\", public: true, refresh_token_hours: 721}",
		"rotation_hours":            "\n  user: {client_id: \"" + clientID + "\", public: true, rotation_hours: -1}",
		"client_secret_file":        "\n  user: {client_id: \"" + clientID + "\"}",
		"unknown key":               "\n  user: {client_id: \"" + clientID + "\", public: true, secret: hunter2}",
		"has no value":              "\n  user:",
		"is for public clients":     "\n  user: {client_id: \"" + clientID + "\", client_secret_file: x, rotation_hours: 5}",
		"integration.user.client_s": "\n  user: {client_id: \"" + clientID + "\", public: true, client_secret_file: x}",
	} {
		if _, _, err := read(map[string]string{"app.yaml": withUser(section)}); broker.CodeOf(err) != broker.CodeAppInvalid || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
