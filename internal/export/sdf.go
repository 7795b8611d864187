package export

import (
	"bytes"
	"embed"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/suitekey/suitekey/internal/broker"
)

// DefaultManageOwnCode is the permission Manage own OAuth 2.0 Client Credentials certificates. Oracle does not publish the code; this one
// stands in the REST API Browser (netsuite-api 5.6).
const DefaultManageOwnCode = "ADMI_MANAGE_OWN_OAUTH2_CERTS"

// SDFOptions say what a SuiteCloud project is made from.
type SDFOptions struct {
	App broker.App
	// Prefix begins the project's script IDs behind customscript_ and its like; empty makes it from the app's name.
	Prefix string
	// ManageOwnCode is the permission by which the role may renew its certificate; empty is DefaultManageOwnCode.
	ManageOwnCode string
	// Suitelet adds the variant without log-in, for callers from Addresses, which must then name one at least.
	Suitelet  bool
	Addresses []netip.Prefix
}

//go:embed sdf
var sdfFiles embed.FS

var (
	prefixForm     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,17}$`)
	permissionForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,60}$`)
)

// SDF returns a SuiteCloud project: a role with least privilege, a health RESTlet, and the token proxy. No key and no secret is in it.
func SDF(o SDFOptions) ([]File, error) {
	p, err := newProject(o)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, part := range []func() ([]File, error){p.top, p.objects, p.scripts, p.tests} {
		made, err := part()
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	if problems := CheckSDF(files); len(problems) > 0 {
		return nil, fmt.Errorf("the project would not be taken: %s", strings.Join(problems, "; "))
	}
	return files, nil
}

// project is what the templates see.
type project struct {
	Slug, Display, Role, ManageOwn string
	Scopes                         string
	Suitelet                       bool
	Addresses                      []string
	Permissions                    []permission
	app                            broker.App
}

type permission struct{ Key, Level string }

func newProject(o SDFOptions) (project, error) {
	p := project{
		Slug: o.Prefix, Display: o.App.DisplayName, Role: strings.ToLower(o.App.Role.ScriptID), ManageOwn: strings.ToUpper(o.ManageOwnCode), Suitelet: o.Suitelet,
		Scopes: strings.Join(o.App.Scopes, " "), app: o.App,
	}
	if p.Slug == "" {
		p.Slug = strings.ReplaceAll(o.App.Name, "-", "_")
	}
	if p.Display == "" {
		p.Display = o.App.Name
	}
	if p.ManageOwn == "" {
		p.ManageOwn = DefaultManageOwnCode
	}
	switch {
	case !prefixForm.MatchString(p.Slug):
		return p, &FieldError{"prefix", fmt.Sprintf("%.40q must be 1 to 18 of a-z, 0-9 and _, beginning with a letter: script IDs have 40 characters at most", p.Slug)}
	case !permissionForm.MatchString(p.ManageOwn):
		return p, &FieldError{"manage-own-code", fmt.Sprintf("%.40q must be a permission's code, such as %s", p.ManageOwn, DefaultManageOwnCode)}
	case o.Suitelet && len(o.Addresses) == 0:
		return p, &FieldError{"allow-address", "the Suitelet is open to the internet, so one address at least must be named"}
	case !o.Suitelet && len(o.Addresses) > 0:
		return p, &FieldError{"allow-address", "it is for the Suitelet"}
	}
	for _, prefix := range o.Addresses {
		if !prefix.Addr().Is4() {
			return p, &FieldError{"allow-address", fmt.Sprintf("%s: the Suitelet knows ranges of IPv4 only", prefix)}
		}
		p.Addresses = append(p.Addresses, prefix.Masked().String())
	}
	p.Permissions = p.leastPrivilege()
	return p, nil
}

// FieldError says which option cannot be used.
type FieldError struct{ Field, Rule string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Rule }

// AddressList is for people.
func (p project) AddressList() string { return strings.Join(p.Addresses, ", ") }

// leastPrivilege is what every connection needs and what the app's definition asks for.
func (p project) leastPrivilege() []permission {
	want := map[string]string{
		"ADMI_LOGIN_OAUTH2": "FULL", "ADMI_RESTWEBSERVICES": "FULL", "REPO_ANALYTICS": "FULL", p.ManageOwn: "FULL",
	}
	for key, level := range p.app.Role.Permissions {
		want[strings.ToUpper(key)] = strings.ToUpper(level)
	}
	var all []permission
	for key, level := range want {
		all = append(all, permission{key, level})
	}
	slices.SortFunc(all, func(a, b permission) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// render fills in one of the embedded templates. Values in XML are escaped.
func (p project) render(name string, escape bool) ([]byte, error) {
	text, err := sdfFiles.ReadFile("sdf/" + name)
	if err != nil {
		return nil, err
	}
	t := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"xml": escapeXML})
	if t, err = t.Parse(string(text)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if escape {
		p.Display = escapeXML(p.Display)
	}
	err = t.Execute(&out, p)
	return out.Bytes(), err
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

func (p project) top() ([]File, error) {
	var files []File
	for _, f := range []struct {
		name, to string
		escape   bool
	}{
		{"README.md.tmpl", "README.md", false},
		{"package.json.tmpl", "package.json", false},
		{"jest.config.js.tmpl", "jest.config.js", false},
		{"suitecloud.config.js.tmpl", "suitecloud.config.js", false},
		{"manifest.xml.tmpl", "src/manifest.xml", true},
		{"deploy.xml.tmpl", "src/deploy.xml", true},
	} {
		content, err := p.render(f.name, f.escape)
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.to, content})
	}
	return files, nil
}

// objects are those of SDF, each in a file named after it.
func (p project) objects() ([]File, error) {
	names := map[string]string{
		"role.xml.tmpl": p.Role, "customrecord.xml.tmpl": "customrecord_" + p.Slug + "_token", "mint.xml.tmpl": "customscript_" + p.Slug + "_mint",
		"token.xml.tmpl": "customscript_" + p.Slug + "_token", "health.xml.tmpl": "customscript_" + p.Slug + "_health",
	}
	if p.Suitelet {
		names["suitelet.xml.tmpl"] = "customscript_" + p.Slug + "_suitelet"
	}
	var files []File
	for template, name := range names {
		content, err := p.render("objects/"+template, true)
		if err != nil {
			return nil, err
		}
		files = append(files, File{"src/Objects/" + name + ".xml", content})
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

const suiteletOnly = "suitelet.js gate.js gate.test.js"

func (p project) leftOut(name string) bool {
	return !p.Suitelet && slices.Contains(strings.Fields(suiteletOnly), path.Base(name))
}

func (p project) scripts() ([]File, error) {
	folder := "src/FileCabinet/SuiteScripts/" + p.Slug
	var files []File
	for _, dir := range []string{"sdf", "sdf/lib"} {
		entries, err := fs.ReadDir(sdfFiles, dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if path.Ext(entry.Name()) != ".js" || p.leftOut(entry.Name()) {
				continue
			}
			content, err := sdfFiles.ReadFile(dir + "/" + entry.Name())
			if err != nil {
				return nil, err
			}
			files = append(files, File{folder + strings.TrimPrefix(dir, "sdf") + "/" + entry.Name(), content})
		}
	}
	ids, err := p.ids()
	return append(files, File{folder + "/lib/ids.js", ids}), err
}

// ids is the one script that is made, so that all others are the same in every project.
func (p project) ids() ([]byte, error) {
	addresses := p.Addresses
	if addresses == nil {
		addresses = []string{}
	}
	values := []struct {
		name string
		v    any
	}{
		{"project", p.app.Name},
		{"version", "1.0.0"},
		{"bundle", p.app.Bundle.ID},
		{"cache", p.Slug},
		{"record", "customrecord_" + p.Slug + "_token"},
		{"fields", map[string]string{"token": "custrecord_" + p.Slug + "_token", "expires": "custrecord_" + p.Slug + "_expires"}},
		{"secret", "custsecret_" + p.Slug + "_hmac"},
		{"addresses", addresses},
	}
	var b strings.Builder
	b.WriteString("/**\n * The names of this project's things.\n *\n * @NApiVersion 2.1\n * @NModuleScope SameAccount\n */\n")
	b.WriteString("define(['N/runtime'],\n    /** @param {import('N/runtime')} runtime */\n    (runtime) => {\n")
	b.WriteString("        /** Each script has parameters of its own, which end as the last part of its ID begins. @param {string} name */\n")
	fmt.Fprintf(&b, "        const parameter = (name) => %s + name + '_' + String(String(runtime.getCurrentScript().id).split('_').pop()).charAt(0);\n\n        return {\n", quoteJS("custscript_"+p.Slug+"_"))
	for _, value := range values {
		data, err := json.Marshal(value.v)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "            %s: %s,\n", value.name, data)
	}
	b.WriteString("            parameters: {\n")
	for i, name := range [][2]string{{"certificate", "cert"}, {"keyId", "kid"}, {"clientId", "client"}, {"scopes", "scopes"}, {"notify", "notify"}} {
		end := ","
		if i == 4 {
			end = ""
		}
		fmt.Fprintf(&b, "                get %s() { return parameter('%s'); }%s\n", name[0], name[1], end)
	}
	b.WriteString("            }\n        };\n    });\n")
	return []byte(b.String()), nil
}

func quoteJS(text string) string {
	data, _ := json.Marshal(text) // of a string
	return string(data)
}

func (p project) tests() ([]File, error) {
	var files []File
	entries, err := fs.ReadDir(sdfFiles, "sdf/tests")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if p.leftOut(entry.Name()) {
			continue
		}
		content, err := sdfFiles.ReadFile("sdf/tests/" + entry.Name())
		if err != nil {
			return nil, err
		}
		to := "__tests__/" + entry.Name()
		if entry.Name() == "random.js" {
			to = "__stubs__/random.js"
		}
		files = append(files, File{to, bytes.ReplaceAll(content, []byte("PROJECT"), []byte(p.Slug))})
	}
	return files, nil
}
