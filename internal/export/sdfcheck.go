package export

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// CheckSDF looks at a project as suitecloud project:validate would as far as that is known: Oracle publishes no schema, and its tool cannot
// be run without an account. It returns what is wrong, in plain sentences that name the file.
func CheckSDF(files []File) []string {
	c := sdfChecker{files: map[string][]byte{}, ids: map[string]string{}}
	for _, f := range files {
		c.files[f.Path] = f.Content
	}
	for _, check := range []func(){c.manifest, c.deploy, c.objects, c.references} {
		check()
	}
	slices.Sort(c.problems)
	return c.problems
}

type sdfChecker struct {
	files    map[string][]byte
	ids      map[string]string // script ID to the file that defines it
	uses     []use
	problems []string
}

// use is a reference from one file to a script ID or a file of the project.
type use struct{ in, to string }

func (c *sdfChecker) complain(file, rule string, args ...any) {
	c.problems = append(c.problems, file+": "+fmt.Sprintf(rule, args...))
}

// node is an XML element as far as it is looked at.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n node) child(name string) (node, bool) {
	i := slices.IndexFunc(n.Children, func(c node) bool { return c.XMLName.Local == name })
	if i < 0 {
		return node{}, false
	}
	return n.Children[i], true
}

func (n node) text(name string) string {
	c, _ := n.child(name)
	return strings.TrimSpace(c.Text)
}

// each calls do with the element and all below it.
func (n node) each(do func(node)) {
	do(n)
	for _, c := range n.Children {
		c.each(do)
	}
}

func (c *sdfChecker) parse(name string) (node, bool) {
	content, there := c.files[name]
	if !there {
		c.complain(name, "is missing")
		return node{}, false
	}
	var n node
	d := xml.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(&n); err != nil {
		c.complain(name, "is not well-formed XML: %v", err)
		return n, false
	}
	if rest := content[d.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		c.complain(name, "something stands behind the root element")
	}
	return n, true
}

// manifestFeatures are those that the kinds of objects need.
var manifestFeatures = map[string]string{"customrecordtype": "CUSTOMRECORDS", "restlet": "SERVERSIDESCRIPTING", "suitelet": "SERVERSIDESCRIPTING", "scheduledscript": "SERVERSIDESCRIPTING"}

func (c *sdfChecker) manifest() {
	const name = "src/manifest.xml"
	n, ok := c.parse(name)
	switch {
	case !ok:
		return
	case n.XMLName.Local != "manifest" || n.attr("projecttype") != "ACCOUNTCUSTOMIZATION":
		c.complain(name, "must be a manifest of projecttype ACCOUNTCUSTOMIZATION")
	case n.text("projectname") == "" || n.text("frameworkversion") != "1.0":
		c.complain(name, "needs projectname, and frameworkversion 1.0")
	}
	var features []string
	n.each(func(e node) {
		if e.XMLName.Local == "feature" {
			features = append(features, strings.TrimSpace(e.Text))
		}
	})
	for _, file := range c.objectFiles() {
		if o, ok := c.parse(file); ok {
			if need := manifestFeatures[o.XMLName.Local]; need != "" && !slices.Contains(features, need) {
				c.complain(name, "%s needs the feature %s", path.Base(file), need)
			}
		}
	}
}

func (c *sdfChecker) objectFiles() []string {
	var found []string
	for name := range c.files {
		if path.Dir(name) == "src/Objects" {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// deploy: every path must lead to something.
func (c *sdfChecker) deploy() {
	const name = "src/deploy.xml"
	n, ok := c.parse(name)
	if !ok {
		return
	}
	if n.XMLName.Local != "deploy" {
		c.complain(name, "must be a deploy")
	}
	n.each(func(e node) {
		if e.XMLName.Local != "path" {
			return
		}
		folder := "src" + strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(e.Text), "~"), "*")
		for file := range c.files {
			if strings.HasPrefix(file, folder) {
				return
			}
		}
		c.complain(name, "nothing is at %s", strings.TrimSpace(e.Text))
	})
}

// prefixes of the script IDs of elements.
var idPrefixes = map[string]string{
	"role": "customrole", "customrecordtype": "customrecord", "customrecordcustomfield": "custrecord", "restlet": "customscript", "suitelet": "customscript",
	"scheduledscript": "customscript", "scriptcustomfield": "custscript", "scriptdeployment": "customdeploy",
}

const longestID = 40

var scriptIDForm = regexp.MustCompile(`^[a-z0-9_]+$`)

// rootElements are the kinds of objects that are known here, with what each must have.
var rootElements = map[string][]string{
	"role": {"name", "centertype", "permissions"}, "customrecordtype": {"recordname", "accesstype"}, "restlet": {"name", "scriptfile", "scriptdeployments"},
	"suitelet": {"name", "scriptfile", "scriptdeployments"}, "scheduledscript": {"name", "scriptfile", "scriptdeployments"},
}

func (c *sdfChecker) objects() {
	for _, file := range c.objectFiles() {
		n, ok := c.parse(file)
		if !ok {
			continue
		}
		root := n.XMLName.Local
		needs, known := rootElements[root]
		if !known {
			c.complain(file, "root element %.40q is none of SDF's that are used here", root)
			continue
		}
		for _, need := range needs {
			if child, there := n.child(need); !there || strings.TrimSpace(child.Text) == "" && len(child.Children) == 0 {
				c.complain(file, "%s needs %s", root, need)
			}
		}
		if id := n.attr("scriptid"); file != "src/Objects/"+id+".xml" {
			c.complain(file, "must be named after its script ID %q", id)
		}
		n.each(func(e node) { c.element(file, e) })
	}
}

func (c *sdfChecker) element(file string, e node) {
	if prefix, known := idPrefixes[e.XMLName.Local]; known {
		c.scriptID(file, e, prefix)
	}
	text := strings.TrimSpace(e.Text)
	switch e.XMLName.Local {
	case "permkey":
		c.permission(file, text)
	case "permlevel", "permittedlevel":
		if !slices.Contains([]string{"VIEW", "CREATE", "EDIT", "FULL"}, text) {
			c.complain(file, "level %.40q must be VIEW, CREATE, EDIT or FULL", text)
		}
	case "status":
		if !slices.Contains([]string{"RELEASED", "TESTING", "SCHEDULED", "NOTSCHEDULED"}, text) {
			c.complain(file, "status %.40q is not known", text)
		}
	case "recurrence":
		if len(e.Children) != 1 {
			c.complain(file, "a recurrence holds exactly one of its kinds")
		}
	case "repeat":
		if !slices.Contains([]string{"PT15M", "PT30M", "PT1H", "PT2H", "PT4H", "PT6H", "PT8H", "PT12H"}, text) {
			c.complain(file, "repeat %.40q: the shortest is PT15M", text)
		}
	}
	if strings.HasPrefix(text, "[") {
		c.uses = append(c.uses, use{file, text})
	}
}

func (c *sdfChecker) scriptID(file string, e node, prefix string) {
	id := e.attr("scriptid")
	switch {
	case !strings.HasPrefix(id, prefix) || len(id) <= len(prefix)+1 || !scriptIDForm.MatchString(id):
		c.complain(file, "script ID %.60q of %s must begin with %s, in a-z, 0-9 and _", id, e.XMLName.Local, prefix)
	case len(id) > longestID:
		c.complain(file, "script ID %s has %d characters, and %d are allowed", id, len(id), longestID)
	case c.ids[id] != "":
		c.complain(file, "script ID %s is in %s, too", id, c.ids[id])
	}
	c.ids[id] = file
}

// permissions of netsuite-api 5.6 that are not of one of the large families of records, transactions and reports.
var setupPermissions = strings.Fields(`ADMI_LOGIN_OAUTH2 ADMI_LOGIN_OAUTH ADMI_MANAGE_OWN_OAUTH2_CERTS ADMI_MANAGE_OAUTH2 ADMI_RESTWEBSERVICES REPO_ANALYTICS ADMI_CUSTOMSCRIPT
	ADMI_SS_SCHEDULING ADMI_RECORDS_CATALOG ADMI_SUITEANALYTICSCONNECT ADMI_SAC_READALL ADMI_MCP_SERVER ADMI_INTEGRAPP ADMI_CERTIFICATES ADMI_KEYS ADMI_SECRETS
	ADMI_AUDITLOGIN ADMI_ENABLEFEATURES ADMI_BUNDLER ADMI_BUNDLERAUDITTRAIL ADMI_SUITEAPP_MANAGEMENT ADMI_SETUPCOMPANY ADMI_MANAGE_OAUTH_TOKENS ADMI_MANAGE_OWN_OAUTH_TOKENS`)

var permissionFamily = regexp.MustCompile(`^(LIST|TRAN|REPO|GRAP|REGT|ADMI)_[A-Z0-9_]{2,40}$|^customrecord[a-z0-9_]+$|^\[scriptid=customrecord[a-z0-9_]+\]$`)

func (c *sdfChecker) permission(file, key string) {
	switch {
	case key == "ADMI_KERNEL":
		c.complain(file, "Core Administration Permissions are the opposite of least privilege")
	case !slices.Contains(setupPermissions, key) && !permissionFamily.MatchString(key):
		c.complain(file, "permission %.60q has none of the forms of NetSuite's codes", key)
	}
}

// references: [scriptid=...] must be defined here, [/SuiteScripts/...] must be a file here, and each script must be made for its kind.
func (c *sdfChecker) references() {
	for _, u := range c.uses {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(u.to, "]"), "[scriptid="); ok {
			if c.ids[id] == "" {
				c.complain(u.in, "refers to %s, which nothing defines", id)
			}
			continue
		}
		file := "src/FileCabinet" + strings.Trim(u.to, "[]")
		content, there := c.files[file]
		if !there {
			c.complain(u.in, "refers to %s, which is not there", u.to)
			continue
		}
		c.scriptType(u.in, file, content)
	}
}

var scriptTypes = map[string]string{"restlet": "Restlet", "suitelet": "Suitelet", "scheduledscript": "ScheduledScript"}

func (c *sdfChecker) scriptType(object, file string, content []byte) {
	n, ok := c.parse(object)
	if ok && !bytes.Contains(content, []byte("@NScriptType "+scriptTypes[n.XMLName.Local])) {
		c.complain(file, "must say @NScriptType %s, for %s", scriptTypes[n.XMLName.Local], path.Base(object))
	}
}
