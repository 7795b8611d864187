package netsuitetest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file is external Suitelets: pages of scripts that anybody may open who has the address. Oracle says that integrations
// should not use them (H/chapter_N2997713); those that do can be tested here. Suitelets with log-in are not imitated.

// SuiteletCall is what a Suitelet's script is called with.
type SuiteletCall struct {
	*Execution // what the run may use up, and when it ends

	Account string
	Method  string     // GET, DELETE, POST or PUT
	Params  url.Values // of the URL, without script, deploy, compid and ns-at
	Header  http.Header
	Body    []byte // POST and PUT
}

// SuiteletAnswer is what a Suitelet writes. Its status is always 200.
type SuiteletAnswer struct {
	ContentType string // empty = "text/html; charset=utf-8"
	Body        string
}

// Suitelet is a Suitelet's script. An error is thrown, and the visitor sees a page with its message.
type Suitelet func(SuiteletCall) (SuiteletAnswer, error)

// HandleSuitelet lets fn answer the Suitelet with this script ID, in every account where it is deployed. Suitelets without
// a function or a canned answer (AnswerScript) write an empty page.
func (s *Server) HandleSuitelet(scriptID string, fn Suitelet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suitelets[scriptID] = fn
}

// suiteletPath is the one path of all Suitelets.
const suiteletPath = "/app/site/hosting/scriptlet.nl"

// SuiteletURL is the external address of a deployment, on the loopback twin of the extforms host: with compid, and with the
// deployment's own ns-at. Script and deploy are script IDs, or the script's internal ID and the deployment's number. It
// is what the deployment's page shows, or N/url.resolveScript with returnExternalUrl.
func (a *Account) SuiteletURL(script, deploy string) (string, error) {
	_, port, found := strings.Cut(a.s.Addr(), ":")
	if !found {
		return "", errors.New("the emulator does not listen yet; call Serve first")
	}
	return a.suiteletURL(address{form: formTwin, port: ":" + port}, script, deploy)
}

func (a *Account) suiteletURL(from address, script, deploy string) (string, error) {
	found, d, ok := a.data().Deployment(script, deploy)
	switch {
	case !ok || found.Type != "SUITELET":
		return "", fmt.Errorf("script %q, deployment %q: no such Suitelet in the account", clip(script), clip(deploy))
	case !d.WithoutLogin:
		return "", fmt.Errorf("deployment %s: not Available Without Login, so it has no external address", d.ScriptID)
	}
	q := url.Values{"script": {script}, "deploy": {deploy}, "compid": {a.id}, "ns-at": {a.suiteletToken(found, d)}}
	return from.base(serviceExtForms, a.id, a.s.fallback.id) + suiteletPath + "?" + q.Encode(), nil
}

// suiteletToken is the deployment's ns-at: each has its own. The form is a guess.
func (a *Account) suiteletToken(script Script, d Deployment) string {
	sum := sha256.Sum256([]byte("ns-at|" + a.id + "|" + script.ScriptID + "|" + d.ScriptID))
	return "AAEJ7tMQ" + b64(sum[:])
}

// suitelet answers /app/site/hosting/scriptlet.nl, for anybody.
func (s *Server) suitelet(c *call) {
	q := c.r.URL.Query()
	script, d, found := c.account.data().Deployment(q.Get("script"), q.Get("deploy"))
	if no := c.account.checkSuitelet(q, script, d, found); no != nil {
		s.refuseSuitelet(c, no)
		return
	}
	if !slices.Contains(scriptMethods, c.r.Method) {
		s.refuseSuitelet(c, refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "a Suitelet takes GET, DELETE, POST and PUT (guess)", ""))
		return
	}
	body, no := readScriptBody(c.r)
	if no != nil {
		s.refuseSuitelet(c, no)
		return
	}
	s.runSuitelet(c, script, d, SuiteletCall{
		Execution: &Execution{ctx: c.r.Context(), limit: suiteletUnits},
		Account:   c.account.id, Method: c.r.Method, Params: scriptParams(q, "script", "deploy", "compid", "ns-at"), Header: c.r.Header.Clone(), Body: body,
	})
}

// The two sentences of "Errors Related to the Available Without Login URL" (H/bridgehead_1524084097).
const (
	noPrivileges = "You do not have privileges to view this page."
	notDirectly  = "You are not allowed to go directly to this page."
)

// checkSuitelet: released, available without login, with the deployment's own token, for Online Form User
// (H/bridgehead_1524084097). The code of a refusal is the sentence that the visitor sees; which of the two belongs to which
// rule, and the status 403, are guesses.
func (a *Account) checkSuitelet(q url.Values, script Script, d Deployment, found bool) *refusal {
	forbid := func(sentence, rule string) *refusal { return refuse(http.StatusForbidden, sentence, rule, "") }
	switch {
	case !a.Feature("SERVERSIDESCRIPTING") || !a.Feature("CUSTOMCODE"):
		return forbid(noPrivileges, "Suitelets need the features Client SuiteScript and Server SuiteScript (guess)")
	case q.Get("compid") != a.id:
		return forbid(notDirectly, "compid must be the account ID as NetSuite prints it, the host's own")
	case !found || script.Type != "SUITELET" || !d.Deployed || !d.WithoutLogin:
		return forbid(notDirectly, "no Suitelet with this script and deployment is Available Without Login (H/bridgehead_1524084097)")
	case q.Get("ns-at") == "" && q.Get("h") != "":
		return forbid(notDirectly, "links with h died with 2024.2; the link needs ns-at")
	case subtle.ConstantTimeCompare([]byte(q.Get("ns-at")), []byte(a.suiteletToken(script, d))) != 1:
		return forbid(notDirectly, "ns-at must be the deployment's own")
	case d.Status != "RELEASED":
		return forbid(noPrivileges, "the deployment is not Released (H/bridgehead_1524084097)")
	case !d.OnlineFormUser:
		return forbid(noPrivileges, "the external role Online Form User is not in the audience (H/bridgehead_1524084097)")
	}
	return nil
}

func (s *Server) runSuitelet(c *call, script Script, d Deployment, in SuiteletCall) {
	c.met("external Suitelet with its own ns-at, released, for Online Form User (H/bridgehead_1524084097)")
	out, err := s.suiteletOutput(c, script, d, in)
	if err == nil {
		err = errors.Join(out.check(), in.exhausted())
	}
	switch {
	case errors.Is(err, errGaveUp):
		c.broke(err.Error())
		c.cut = true
	case err != nil:
		e := thrown(err)
		c.broke("the script threw an error (the status is a guess)")
		s.errorPage(c, http.StatusInternalServerError, "Error", e.Message, e.Name)
	default:
		out.status = http.StatusOK
		c.put(out)
	}
}

const suiteletType = "text/html; charset=utf-8"

// suiteletOutput lets a canned answer or the Go function answer.
func (s *Server) suiteletOutput(c *call, script Script, d Deployment, in SuiteletCall) (output, error) {
	if answer, ok := s.canned(c.account, script, d, in.Method); ok {
		return answer.run(c, in.Execution, suiteletType)
	}
	s.mu.Lock()
	fn := s.suitelets[script.ScriptID]
	s.mu.Unlock()
	if fn == nil {
		return output{contentType: suiteletType}, nil
	}
	page, err := fn(in)
	return output{contentType: cmp.Or(page.ContentType, suiteletType), body: page.Body}, err
}

// refuseSuitelet shows NetSuite's own sentence; the ledger has the rule.
func (s *Server) refuseSuitelet(c *call, no *refusal) {
	c.broke(no.rule)
	s.errorPage(c, no.status, "Notice", no.code, "")
}
