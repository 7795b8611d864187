package netsuitetest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// RESTletCall is what a RESTlet's script is called with.
type RESTletCall struct {
	*Execution // what the run may use up, and when it ends

	Account      string
	Role, Entity int64
	Method       string     // GET, DELETE, POST or PUT
	Params       url.Values // without script and deploy
	Body         []byte     // POST and PUT
}

// RESTlet is a RESTlet's script: what it returns is answered as JSON, a text as it stands to a request of type text/plain.
// An error is thrown; a *ScriptError chooses the code.
type RESTlet func(RESTletCall) (any, error)

// HandleRESTlet lets fn answer the RESTlet with this script ID, in every account where it is deployed. RESTlets without a
// function or a canned answer (AnswerScript) answer like a bundle's health check.
func (s *Server) HandleRESTlet(scriptID string, fn RESTlet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restlets[scriptID] = fn
}

// restletPath is the one path of all RESTlets.
const restletPath = "/app/site/hosting/restlet.nl"

// restlet answers /app/site/hosting/restlet.nl (H/section_4628875570).
func (s *Server) restlet(c *call) {
	t, no := s.authenticate(c, scopeRESTlets)
	if no != nil {
		s.refuseLogin(c, no)
		return
	}
	q := c.r.URL.Query()
	script, deployment, found := c.account.data().Deployment(q.Get("script"), q.Get("deploy"))
	if no := s.checkRESTlet(c, t, script, deployment, found); no != nil {
		s.refuseRESTlet(c, no, no.rule)
		return
	}
	body, no := readScriptBody(c.r)
	if no != nil {
		s.refuseRESTlet(c, no, no.rule)
		return
	}
	s.runRESTlet(c, t, script, deployment, RESTletCall{
		Execution: &Execution{ctx: c.r.Context(), limit: restletUnits},
		Account:   c.account.id, Role: t.role, Entity: t.entity, Method: c.r.Method, Params: scriptParams(q, "script", "deploy"), Body: body,
	})
}

// wrongDomain answers a RESTlet's path on a host that has no RESTlets (H/section_4634920277).
func (s *Server) wrongDomain(c *call) {
	no := refuse(http.StatusForbidden, "INVALID_DOMAIN", "RESTlets live on the restlets host (H/section_4628875570; the code is a guess)", "")
	s.refuseRESTlet(c, no, "This domain serves no RESTlets.")
}

// checkRESTlet: released, in the role's audience, not for Web Services Only roles (H/section_4618456517,
// H/chapter_1529417663). What exactly an outsider is told of an unreleased deployment is a guess.
func (s *Server) checkRESTlet(c *call, t *token, script Script, d Deployment, found bool) *refusal {
	role, _ := c.account.data().Role(t.role)
	kind := mediaType(c.r)
	switch {
	case !c.account.Feature("SERVERSIDESCRIPTING") || !c.account.Feature("CUSTOMCODE"):
		return refuse(http.StatusForbidden, "FEATURE_DISABLED", "RESTlets need the features Client SuiteScript and Server SuiteScript (H/section_157771482304; the answer is a guess)", "")
	case role.WebServicesOnly:
		return refuse(http.StatusUnauthorized, "INVALID_LOGIN_CREDENTIALS", "a Web Services Only role may not call RESTlets (H/chapter_1529417663)", "")
	case !found || script.Type != "RESTLET" || !d.Deployed || d.Status != "RELEASED":
		return refuse(http.StatusNotFound, s.settings().RESTletNotFound, "no RESTlet with this script and deployment is released", "")
	case !inAudience(role, d):
		return refuse(http.StatusForbidden, "INSUFFICIENT_PERMISSION", "the role is not in the deployment's audience", "")
	case !slices.Contains(scriptMethods, c.r.Method):
		return refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "a RESTlet takes GET, DELETE, POST and PUT (H/section_4618434109)", "")
	case kind != "application/json" && kind != "text/plain":
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json or text/plain, on GET too (H/section_4634920277)", "")
	}
	return nil
}

// inAudience: administrators may run every script (guess).
func inAudience(role Role, d Deployment) bool {
	return d.AllRoles || role.ID == company.RoleAdministrator || slices.ContainsFunc(d.Roles, func(id string) bool {
		return strings.EqualFold(id, role.ScriptID)
	})
}

// readScriptBody reads what goes in. GET and DELETE take their input in the URL.
func readScriptBody(r *http.Request) ([]byte, *refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxScript+1))
	switch {
	case err != nil || len(body) > maxScript:
		return nil, refuse(http.StatusBadRequest, "SSS_INPUT_TOO_LONG", "the body is larger than the 10 MB that a script takes (H/section_4640094112; the code is a guess)", "")
	case (r.Method == http.MethodGet || r.Method == http.MethodDelete) && len(body) > 0:
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", "GET and DELETE take their input in the URL, not in a body (H/section_4634920277)", "")
	}
	return body, nil
}

func (s *Server) runRESTlet(c *call, t *token, script Script, d Deployment, in RESTletCall) {
	c.met("RESTlet called, released, in the role's audience (H/section_4618456517)")
	out, err := s.restletOutput(c, t, script, d, in)
	if err == nil {
		err = errors.Join(out.check(), in.exhausted())
	}
	switch {
	case errors.Is(err, errGaveUp):
		c.broke(err.Error())
		c.cut = true
	case err != nil:
		e := thrown(err)
		s.refuseRESTlet(c, refuse(http.StatusBadRequest, e.Name, "the script threw an error (H/section_4634920277)", ""), e.json())
	default:
		c.put(out)
	}
}

// restletOutput lets a canned answer, the Go function or the health check answer.
func (s *Server) restletOutput(c *call, t *token, script Script, d Deployment, in RESTletCall) (output, error) {
	if answer, ok := s.canned(c.account, script, d, in.Method); ok {
		return answer.run(c, in.Execution, mediaType(c.r))
	}
	s.mu.Lock()
	fn := s.restlets[script.ScriptID]
	s.mu.Unlock()
	if fn == nil {
		c.met("health RESTlet of an installed bundle, released, in the role's audience (H/section_4618456517)")
		return restletReply("application/json", s.health(c.account, t, script))
	}
	v, err := fn(in)
	if err != nil {
		return output{}, err
	}
	return restletReply(mediaType(c.r), v)
}

// restletReply is what a RESTlet's function returned, in the type that the request has.
func restletReply(contentType string, v any) (output, error) {
	if text, ok := v.(string); ok && contentType == "text/plain" {
		return output{http.StatusOK, contentType, text}, nil
	}
	raw, err := json.Marshal(v)
	return output{http.StatusOK, contentType, string(raw)}, err
}

// health is what a bundle's own health check can tell: it runs inside the account.
func (s *Server) health(a *Account, t *token, script Script) any {
	type bundleJSON struct {
		ID      int64  `json:"id"`
		Version string `json:"version"`
	}
	out := struct {
		OK       bool            `json:"ok"`
		Bundle   bundleJSON      `json:"bundle"`
		Account  string          `json:"account"`
		Role     int64           `json:"role"`
		User     int64           `json:"user"`
		Features map[string]bool `json:"features"`
	}{OK: true, Account: a.linkAccount(), Role: t.role, User: t.entity, Features: map[string]bool{}}
	for _, b := range s.cfg.Bundles {
		installed, ok := a.data().InstalledBundle(b.ID)
		if ok && slices.ContainsFunc(installed.Scripts, func(sc Script) bool { return sc.ScriptID == script.ScriptID }) {
			out.Bundle = bundleJSON{installed.ID, installed.Version}
		}
	}
	for _, name := range Features {
		out.Features[name] = a.Feature(name)
	}
	return out
}

// refuseRESTlet answers as JSON, or as two lines of text to a caller who speaks text/plain.
func (s *Server) refuseRESTlet(c *call, no *refusal, message string) {
	c.noteRefusal(no)
	if mediaType(c.r) == "text/plain" {
		c.text(no.status, "error code: "+no.code+"\nerror message: "+message)
		return
	}
	c.json(no.status, map[string]any{"error": map[string]string{"code": no.code, "message": message}})
}
