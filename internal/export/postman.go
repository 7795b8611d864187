package export

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// Via says where the collection takes its tokens.
type Via string

const (
	// ViaBroker takes them from the token endpoint of a suitekey server: no key comes near Postman.
	ViaBroker Via = "broker"
	// ViaDirect takes them from NetSuite, for an assertion that the collection signs with a key in a secret variable.
	ViaDirect Via = "direct"
)

// PostmanOptions fills in the environment of the collection. Nothing in it is secret.
type PostmanOptions struct {
	Via Via
	// Account is required by ViaDirect. For ViaBroker it chooses one of the client's connections, and the token's account is compared
	// with it; empty for a client that has only one.
	Account netsuite.AccountID
	// Site is the real NetSuite, or an emulator.
	Site netsuite.Site
	// ClientID is of the integration record (64 hex digits) for ViaDirect, and of the server's client for ViaBroker.
	ClientID string
	// CertificateID and Scopes are for ViaDirect. An empty ID is filled in by hand; no scopes are rest_webservices.
	CertificateID string
	Scopes        []string
	// Server is for ViaBroker: scheme and host of the suitekey server.
	Server string
	// RESTletScript and RESTletDeploy name a RESTlet to call; empty calls none.
	RESTletScript, RESTletDeploy string
}

// The names of the two files. The collection is the same for every account.
const (
	collectionFile  = "netsuite.postman_collection.json"
	environmentFile = "netsuite.postman_environment.json"
)

// Postman makes a collection and an environment for Postman and newman, both in the form v2.1. Secrets have variables of type
// secret, which are empty (EX-01).
func Postman(o PostmanOptions) ([]File, error) {
	values, err := o.values()
	if err != nil {
		return nil, err
	}
	collection, err := indented(o.collection())
	if err != nil {
		return nil, err
	}
	environment, err := indented(postmanEnvironment{
		ID: stableID("environment", values), Name: o.environmentName(), Values: values, Scope: "environment",
	})
	if err != nil {
		return nil, err
	}
	return []File{{collectionFile, collection}, {environmentFile, environment}}, nil
}

// indented is JSON for people to read and compare. Scripts have < and & in them.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// stableID is a UUID (RFC 9562 section 5.8) that depends on the content alone, so that the same export makes the same files.
func stableID(kind string, content any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %+v", kind, content))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// The environment.

type postmanEnvironment struct {
	ID     string             `json:"id"`
	Name   string             `json:"name"`
	Values []environmentValue `json:"values"`
	Scope  string             `json:"_postman_variable_scope"`
}

type environmentValue struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Type    string `json:"type"` // "secret" is shown masked
	Enabled bool   `json:"enabled"`
}

func plain(key, value string) environmentValue {
	return environmentValue{Key: key, Value: value, Type: "default", Enabled: true}
}

// secret has no value, ever.
func secret(key string) environmentValue {
	return environmentValue{Key: key, Type: "secret", Enabled: true}
}

func (o PostmanOptions) environmentName() string {
	if o.Account == "" {
		return "NetSuite via suitekey"
	}
	return "NetSuite " + o.Account.String()
}

// values are the variables of the environment: those to fill in first, those that the scripts keep last.
func (o PostmanOptions) values() ([]environmentValue, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	own := o.brokerValues
	if o.Via == ViaDirect {
		own = o.directValues
	}
	values, err := own()
	return append(values,
		plain("restlet_script", o.RESTletScript), plain("restlet_deploy", o.RESTletDeploy),
		plain("writes", "no"), plain("customer_id", ""), plain("created_customer_id", ""),
		secret("access_token"), plain("access_token_until", ""), plain("access_token_for", ""),
	), err
}

// directValues: the addresses are empty for the real NetSuite, where the collection derives them from the account ID.
func (o PostmanOptions) directValues() ([]environmentValue, error) {
	var suitetalk, restlets string
	if o.Site.IsEmulator() {
		var err error
		if suitetalk, err = o.address(netsuite.ServiceSuiteTalk); err != nil {
			return nil, err
		}
		if restlets, err = o.address(netsuite.ServiceRESTlets); err != nil {
			return nil, err
		}
	}
	return []environmentValue{
		secret("private_key_jwk"),
		plain("account_id", o.Account.String()), plain("client_id", o.ClientID), plain("certificate_id", o.CertificateID), plain("scope", strings.Join(o.scopes(), " ")),
		plain("suitetalk_url", suitetalk), plain("restlets_url", restlets),
	}, nil
}

// brokerValues: a client that has several connections names one by its base URL, as resource.
func (o PostmanOptions) brokerValues() ([]environmentValue, error) {
	var resource string
	if o.Account != "" {
		var err error
		if resource, err = o.address(netsuite.ServiceSuiteTalk); err != nil {
			return nil, err
		}
	}
	return []environmentValue{
		secret("client_secret"),
		plain("server_url", o.Server), plain("client_id", o.ClientID), plain("account_id", o.Account.String()), plain("resource", resource),
		plain("suitetalk_url", ""), plain("restlets_url", ""), plain("netsuite_base_url", ""),
	}, nil
}

func (o PostmanOptions) address(service netsuite.Service) (string, error) {
	base, err := o.Site.BaseURL(o.Account, service)
	if err != nil {
		return "", err
	}
	return base.String(), nil
}

func (o PostmanOptions) scopes() []string {
	if len(o.Scopes) == 0 {
		return []string{"rest_webservices"}
	}
	return o.Scopes
}

// The forms of what is filled in. The IDs of a server's clients use the characters of base64url alone (ux.md 4.1).
var (
	netsuiteClientID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	serverClientID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	certificateID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	scopeName        = regexp.MustCompile(`^[a-z_]{1,64}$`)
	scriptID         = regexp.MustCompile(`^(customscript|customdeploy)[a-z0-9_]{1,64}$|^[0-9]{1,18}$`)
)

func (o PostmanOptions) check() error {
	switch o.Via {
	case ViaDirect:
		return o.checkDirect()
	case ViaBroker:
		return o.checkBroker()
	}
	return broker.Errorf(broker.CodeInvalid, "via %.40q is unknown", string(o.Via)).WithDo("Use broker, which needs a suitekey server, or direct, which needs a key.")
}

func (o PostmanOptions) checkDirect() error {
	if err := checkAccount(o.Account); err != nil {
		return err
	}
	switch {
	case o.Server != "":
		return broker.Errorf(broker.CodeInvalid, "a server is given, and via direct asks none").WithDo("Leave the server out, or choose via broker.")
	case !netsuiteClientID.MatchString(o.ClientID):
		return broker.Errorf(broker.CodeInvalid, "client ID must be the 64 hex digits of the integration record").
			WithDo("Copy it from the record; Setup > Integration > Manage Integrations shows it once, when the record is made.")
	case o.CertificateID != "" && !certificateID.MatchString(o.CertificateID):
		return badCertificateID()
	}
	for _, s := range o.Scopes {
		if !scopeName.MatchString(s) {
			return broker.Errorf(broker.CodeInvalid, "scope %.40q is no name of a scope", s).WithDo("Use rest_webservices, restlets or both.")
		}
	}
	if err := o.checkRESTlet(); err != nil {
		return err
	}
	if o.RESTletScript != "" && !slices.Contains(o.scopes(), "restlets") {
		return broker.Errorf(broker.CodeInvalid, "a RESTlet is to be called, and the scopes have no restlets").WithDo("Add it: --scopes rest_webservices,restlets")
	}
	return nil
}

func (o PostmanOptions) checkBroker() error {
	if o.Account != "" {
		if err := checkAccount(o.Account); err != nil {
			return err
		}
	}
	switch {
	case o.Server == "":
		return broker.Errorf(broker.CodeInvalid, "the server's address is missing").WithDo("Give scheme and host, such as https://connect.acme.example.")
	case !serverClientID.MatchString(o.ClientID):
		return broker.Errorf(broker.CodeInvalid, "client ID must be the one that suitekey client create printed").WithDo("See: suitekey client list --app NAME")
	case o.CertificateID != "" || len(o.Scopes) > 0:
		return broker.Errorf(broker.CodeInvalid, "certificate ID and scopes are the server's business when tokens come from it").WithDo("Leave both out.")
	}
	return o.checkRESTlet()
}

func badCertificateID() error {
	return broker.Errorf(broker.CodeInvalid, "certificate ID must be letters, digits, - and _ alone").
		WithDo("Copy it from Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup.")
}

func checkAccount(account netsuite.AccountID) error {
	if _, err := netsuite.ParseAccountID(account.String()); err != nil {
		return broker.Errorf(broker.CodeInvalid, "%v", err)
	}
	return nil
}

func (o PostmanOptions) checkRESTlet() error {
	for _, id := range []string{o.RESTletScript, o.RESTletDeploy} {
		if id != "" && !scriptID.MatchString(id) {
			return broker.Errorf(broker.CodeInvalid, "%.80q is no ID of a script or a deployment", id).WithDo("Write it like customscript_acme_health and customdeploy_acme_health.")
		}
	}
	if (o.RESTletScript == "") != (o.RESTletDeploy == "") {
		return broker.Errorf(broker.CodeInvalid, "a RESTlet is named by its script and its deployment, and only one is given").WithDo("Give both, or none.")
	}
	return nil
}

// The collection.

//go:embed postman
var postmanScripts embed.FS

type postmanCollection struct {
	Info  collectionInfo  `json:"info"`
	Item  []postmanItem   `json:"item"`
	Auth  postmanAuth     `json:"auth"`
	Event []postmanScript `json:"event"`
}

type collectionInfo struct {
	ID          string `json:"_postman_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Schema      string `json:"schema"`
}

const collectionSchema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

// postmanItem is a request, or a folder of them.
type postmanItem struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Item        []postmanItem   `json:"item,omitempty"`
	Event       []postmanScript `json:"event,omitempty"`
	Request     *postmanRequest `json:"request,omitempty"`
}

type postmanRequest struct {
	Description string           `json:"description"`
	Auth        *postmanAuth     `json:"auth,omitempty"`
	Method      string           `json:"method"`
	URL         string           `json:"url"`
	Header      []postmanKeyword `json:"header"`
	Body        *postmanBody     `json:"body,omitempty"`
}

type postmanKeyword struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type postmanBody struct {
	Mode       string           `json:"mode"`
	Raw        string           `json:"raw,omitempty"`
	URLEncoded []postmanKeyword `json:"urlencoded,omitempty"`
}

type postmanAuth struct {
	Type   string         `json:"type"`
	Bearer []authArgument `json:"bearer,omitempty"`
	Basic  []authArgument `json:"basic,omitempty"`
}

type authArgument struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

type postmanScript struct {
	Listen string `json:"listen"`
	Script struct {
		Type string   `json:"type"`
		Exec []string `json:"exec"`
	} `json:"script"`
}

func (o PostmanOptions) collection() postmanCollection {
	source := []string{"keep.js", "settings.js"}
	if o.Via == ViaDirect {
		source = append(source, "signer.js", "direct.js", "prerequest.js")
	} else {
		source = append(source, "broker.js", "prerequest.js")
	}
	return postmanCollection{
		Info: collectionInfo{
			ID: stableID("collection", o.Via), Name: "NetSuite via " + string(o.Via), Description: collectionDescriptions[o.Via], Schema: collectionSchema,
		},
		Item:  []postmanItem{o.tokenRequest(), readFolder(), writeFolder()},
		Auth:  postmanAuth{Type: "bearer", Bearer: []authArgument{{"token", "{{access_token}}", "string"}}},
		Event: []postmanScript{script("prerequest", source...), script("test", "after.js")},
	}
}

// script joins files of the folder postman.
func script(listen string, files ...string) postmanScript {
	s := postmanScript{Listen: listen}
	s.Script.Type = "text/javascript"
	for _, name := range files {
		text, err := postmanScripts.ReadFile("postman/" + name)
		if err != nil {
			panic(err) // the files are part of the program
		}
		s.Script.Exec = append(s.Script.Exec, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	}
	return s
}

func (o PostmanOptions) tokenRequest() postmanItem {
	r := postmanRequest{
		Description: tokenDescriptions[o.Via], Method: "POST", URL: "{{token_url}}", Header: []postmanKeyword{},
		Auth: &postmanAuth{Type: "noauth"},
		Body: &postmanBody{Mode: "urlencoded", URLEncoded: []postmanKeyword{{"grant_type", "client_credentials"}}},
	}
	tests := []string{"keep.js", "tests/answer.js", "tests/token.js"}
	if o.Via == ViaDirect {
		r.Body.URLEncoded = append(r.Body.URLEncoded,
			postmanKeyword{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, postmanKeyword{"client_assertion", "{{client_assertion}}"})
	} else {
		r.Auth = &postmanAuth{Type: "basic", Basic: []authArgument{{"username", "{{client_id}}", "string"}, {"password", "{{client_secret}}", "string"}}}
		r.Body.URLEncoded = append(r.Body.URLEncoded, postmanKeyword{"resource", "{{resource}}"})
		tests = append(tests, "tests/token-broker.js")
	}
	return postmanItem{Name: "Token", Request: &r, Event: []postmanScript{script("test", tests...)}}
}

const recordURL = "{{suitetalk_url}}/services/rest/record/v1/customer"

func readFolder() postmanItem {
	jsonHeader := postmanKeyword{"Content-Type", "application/json"}
	return postmanItem{Name: "Read", Description: "Requests that change nothing.", Item: []postmanItem{
		request("Server time", "server-time", "", postmanRequest{
			Description: serverTimeDescription, Method: "GET", URL: "{{suitetalk_url}}/services/rest/system/v1/serverTime",
		}),
		request("SuiteQL", "suiteql", "", postmanRequest{
			Description: suiteQLDescription, Method: "POST", URL: "{{suitetalk_url}}/services/rest/query/v1/suiteql?limit=10",
			Header: []postmanKeyword{{"Prefer", "transient"}, jsonHeader},
			Body:   &postmanBody{Mode: "raw", Raw: `{"q": "SELECT id, companyname FROM customer ORDER BY id"}`},
		}),
		request("List customers", "list", "", postmanRequest{Description: listDescription, Method: "GET", URL: recordURL + "?limit=3"}),
		request("Read a customer", "read", "read", postmanRequest{Description: readDescription, Method: "GET", URL: recordURL + "/{{customer_id}}"}),
		request("Call a RESTlet", "restlet", "restlet", postmanRequest{
			Description: restletDescription, Method: "GET", Header: []postmanKeyword{jsonHeader},
			URL: "{{restlets_url}}/app/site/hosting/restlet.nl?script={{restlet_script}}&deploy={{restlet_deploy}}",
		}),
	}}
}

func writeFolder() postmanItem {
	return postmanItem{Name: "Write", Description: writeDescription, Item: []postmanItem{
		request("Create a customer", "create", "create", postmanRequest{
			Description: createDescription, Method: "POST", URL: recordURL, Header: []postmanKeyword{{"Content-Type", "application/json"}},
			Body: &postmanBody{Mode: "raw", Raw: `{"companyName": "suitekey test {{$guid}}", "subsidiary": {"id": "1"}}`},
		}),
		request("Delete that customer", "delete", "delete", postmanRequest{Description: deleteDescription, Method: "DELETE", URL: recordURL + "/{{created_customer_id}}"}),
	}}
}

// request has tests, and where skip names a file, a script that may leave it out.
func request(name, tests, skip string, r postmanRequest) postmanItem {
	if r.Header == nil {
		r.Header = []postmanKeyword{}
	}
	item := postmanItem{Name: name, Request: &r, Event: []postmanScript{script("test", "tests/answer.js", "tests/"+tests+".js")}}
	if skip != "" {
		item.Event = append(item.Event, script("prerequest", "skips/"+skip+".js"))
	}
	return item
}
