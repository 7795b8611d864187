package netsuitetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file is what RESTlets and Suitelets have in common: the governance of one run, thrown errors, and answers that
// are given as data in place of a Go function.

// Execution is one run of a script with what it may use up.
type Execution struct {
	ctx   context.Context
	limit int // usage units
	used  int
}

// Context ends when the run has taken too long (Settings.ScriptLimit) or the client went away. A script that waits must
// watch it: what it answers afterwards is not sent.
func (e *Execution) Context() context.Context { return e.ctx }

// Use spends usage units, such as 10 for a search. A RESTlet has 5,000 (H/section_4640094112), an external Suitelet
// 1,000 (H/section_4387799600). The error is the one that NetSuite throws beyond; a script that goes on regardless is
// stopped with it all the same.
func (e *Execution) Use(units int) error {
	e.used += max(0, units)
	return e.exhausted()
}

func (e *Execution) exhausted() error {
	if e.used <= e.limit {
		return nil
	}
	return &ScriptError{Name: "SSS_USAGE_LIMIT_EXCEEDED", Message: fmt.Sprintf("Script Execution Usage Limit Exceeded: %d of %d units", e.used, e.limit)}
}

// Usage units of one run.
const (
	restletUnits  = 5000 // H/section_4640094112
	suiteletUnits = 1000 // H/section_4387799600
)

// ScriptError is an error that a script throws, as by N/error.create. NetSuite answers with its name as the code, and
// with the whole error as JSON inside the message.
type ScriptError struct {
	Name    string   `json:"name"` // such as MISSING_REQD_ARGUMENT
	Message string   `json:"message"`
	Stack   []string `json:"stack,omitempty"`
}

func (e *ScriptError) Error() string { return e.Name + ": " + e.Message }

// thrown is the error as NetSuite sees it: one without a name is unexpected.
func thrown(err error) *ScriptError {
	var named *ScriptError
	if errors.As(err, &named) {
		return named
	}
	return &ScriptError{Name: "UNEXPECTED_ERROR", Message: err.Error()}
}

// json is the form that stands in the message of a RESTlet's error.
func (e *ScriptError) json() string {
	stack := e.Stack
	if stack == nil {
		stack = []string{}
	}
	raw, err := json.Marshal(map[string]any{"type": "error.SuiteScriptError", "name": e.Name, "message": e.Message, "stack": stack})
	if err != nil {
		panic(err) // texts only
	}
	return string(raw)
}

// output is what a script answers.
type output struct {
	status      int
	contentType string
	body        string
}

// maxScript is the limit of a string that goes in or out (H/section_4640094112).
const maxScript = 10 << 20

func (o output) check() error {
	if len(o.body) > maxScript {
		return &ScriptError{Name: "SSS_OUTPUT_TOO_LONG", Message: "the answer is larger than 10 MB (H/section_4640094112; the code is a guess)"}
	}
	return nil
}

func (c *call) put(o output) {
	c.w.Header().Set("Content-Type", o.contentType)
	c.w.WriteHeader(o.status)
	c.write(o.body)
}

// ScriptAnswer is a canned answer of a RESTlet or a Suitelet, for tests in other processes and other languages. The script
// must be deployed in the account, by a bundle, by Config.Scripts or by Account.AddScript.
type ScriptAnswer struct {
	Account string `json:"account,omitempty"` // empty = every account
	Script  string `json:"script"`            // script ID, such as customscript_acme_orders
	Deploy  string `json:"deploy,omitempty"`  // script ID of the deployment; empty = every deployment
	Method  string `json:"method,omitempty"`  // GET, DELETE, POST or PUT; empty = all

	// Status is the answer's, 200 if 0. RESTlets answer 200 and 206 when all is well, and 302, 400, 401, 403, 404, 405, 415,
	// 500 and 503 otherwise (H/section_4634920277). A Suitelet's status is always 200.
	Status      int    `json:"status,omitempty"`
	ContentType string `json:"content_type,omitempty"` // empty = JSON of a RESTlet, HTML of a Suitelet
	Body        any    `json:"body,omitempty"`         // a text as it stands, everything else as JSON

	Error *ScriptError  `json:"error,omitempty"` // throw this in place of an answer
	Units int           `json:"units,omitempty"` // usage units that the run takes
	Delay time.Duration `json:"-"`               // how long the run takes, in real time; "delay" in JSON, such as "150ms"
}

// scriptAnswerJSON is ScriptAnswer with durations as text.
type scriptAnswerJSON struct {
	*plainScriptAnswer
	Delay durationText `json:"delay,omitzero"`
}

type plainScriptAnswer ScriptAnswer

// MarshalJSON writes the delay as text.
func (a ScriptAnswer) MarshalJSON() ([]byte, error) {
	return json.Marshal(scriptAnswerJSON{(*plainScriptAnswer)(&a), durationText(a.Delay)})
}

// UnmarshalJSON takes the documented fields only.
func (a *ScriptAnswer) UnmarshalJSON(raw []byte) error {
	*a = ScriptAnswer{}
	in := scriptAnswerJSON{plainScriptAnswer: (*plainScriptAnswer)(a)}
	if err := decodeStrictly(raw, &in); err != nil {
		return err
	}
	a.Delay = time.Duration(in.Delay)
	return nil
}

// durationText is a duration that JSON holds as text, such as "150ms" or "-5m".
type durationText time.Duration

// MarshalText writes the form of time.Duration.
func (d durationText) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads it.
func (d *durationText) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, such as 150ms or 5m", clip(string(text)))
	}
	*d = durationText(v)
	return nil
}

func decodeStrictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// scriptMethods are what a canned answer may be for (H/section_4618434109).
var scriptMethods = []string{http.MethodGet, http.MethodDelete, http.MethodPost, http.MethodPut}

func (a ScriptAnswer) check(s *Server) error {
	switch {
	case a.Script == "":
		return errors.New("script: required; give a script ID such as customscript_acme_orders")
	case a.Account != "" && s.accounts[a.Account] == nil:
		return fmt.Errorf("account %q: no such account; leave it out for all", clip(a.Account))
	case a.Method != "" && !slices.Contains(scriptMethods, a.Method):
		return fmt.Errorf("method %q: want one of %q, or leave it out for all", clip(a.Method), scriptMethods)
	case a.Status != 0 && (a.Status < 200 || a.Status > 599):
		return fmt.Errorf("status %d: want 200 to 599", a.Status)
	case a.Error != nil && (a.Status != 0 || a.Body != nil || a.ContentType != ""):
		return errors.New("error: an answer is either thrown or given; leave out status, content_type and body")
	case a.Error != nil && a.Error.Name == "":
		return errors.New("error: name is required, such as MISSING_REQD_ARGUMENT")
	case a.Units < 0 || a.Delay < 0:
		return errors.New("units and delay: must not be negative")
	}
	_, err := a.text()
	return err
}

// text is the body as it is sent.
func (a ScriptAnswer) text() (string, error) {
	switch body := a.Body.(type) {
	case nil:
		return "", nil
	case string:
		return body, nil
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return "", fmt.Errorf("body: cannot be written as JSON: %w", err)
		}
		return string(raw), nil
	}
}

// AnswerScript lets a RESTlet or Suitelet answer what a says, in place of its Go function, until ClearAnswers. Of several
// answers that fit a request the newest is given. The error names the field that is wrong.
func (s *Server) AnswerScript(a ScriptAnswer) error {
	a.Account = canonicalAccount(a.Account)
	if err := a.check(s); err != nil {
		return fmt.Errorf("answer of a script: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
	return nil
}

// ScriptAnswers are the canned answers, oldest first.
func (s *Server) ScriptAnswers() []ScriptAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.answers)
}

// ClearAnswers forgets all canned answers.
func (s *Server) ClearAnswers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = nil
}

// canned finds the answer for a request.
func (s *Server) canned(a *Account, script Script, d Deployment, method string) (ScriptAnswer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, answer := range slices.Backward(s.answers) {
		if (answer.Account == "" || answer.Account == a.id) && strings.EqualFold(answer.Script, script.ScriptID) &&
			(answer.Deploy == "" || strings.EqualFold(answer.Deploy, d.ScriptID)) && (answer.Method == "" || answer.Method == method) {
			return answer, true
		}
	}
	return ScriptAnswer{}, false
}

// run is what the answer does; contentType is the kind of its script.
func (a ScriptAnswer) run(c *call, e *Execution, contentType string) (output, error) {
	if a.Delay > 0 && !hold(c.r, time.After(a.Delay), nil) {
		return output{}, errGaveUp
	}
	if err := e.Use(a.Units); err != nil {
		return output{}, err
	}
	if a.Error != nil {
		return output{}, a.Error
	}
	body, err := a.text()
	return output{cmp.Or(a.Status, http.StatusOK), cmp.Or(a.ContentType, contentType), body}, err
}

// errGaveUp is a run that nobody waits for any more.
var errGaveUp = errors.New("the client gave up before the script had ended")

// mediaType is the request's own, without parameters.
func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// scriptParams are the parameters that a script sees.
func scriptParams(q url.Values, own ...string) url.Values {
	for _, name := range own {
		q.Del(name)
	}
	return q
}

// AddScript deploys a script without a bundle. Its type is RESTLET or SUITELET; script IDs begin with customscript and
// customdeploy. One that exists already is refused.
func (a *Account) AddScript(script Script) error { return a.data().AddScript(script) }

// checkScripts refuses what AddScript would refuse later.
func checkScripts(scripts []Script) error {
	seen := map[string]bool{}
	for _, script := range scripts {
		if err := script.Validate(); err != nil {
			return fmt.Errorf("scripts: %w", err)
		}
		if seen[script.ScriptID] {
			return fmt.Errorf("scripts: %s is given twice", script.ScriptID)
		}
		seen[script.ScriptID] = true
	}
	return nil
}

// scriptRoutes are the scripts' part of the emulator's own face.
func (s *Server) scriptRoutes(on func(pattern string, h handler)) {
	on("GET /_emulator/script-answers", func(c *call) {
		c.met("the emulator's own face")
		c.json(http.StatusOK, append([]ScriptAnswer{}, s.ScriptAnswers()...))
	})
	on("POST /_emulator/script-answers", adminPost(s.AnswerScript))
	on("DELETE /_emulator/script-answers", func(c *call) {
		s.ClearAnswers()
		c.done()
	})
	on("POST /_emulator/accounts/{id}/scripts", knob(func(a *Account, in Script) error { return a.AddScript(in) }))
	on("GET /_emulator/accounts/{id}/suitelet-url", onAccount(func(c *call, a *Account) {
		q := c.r.URL.Query()
		to, err := a.suiteletURL(c.addr, q.Get("script"), q.Get("deploy"))
		if err != nil {
			c.adminError(http.StatusNotFound, err)
			return
		}
		c.json(http.StatusOK, map[string]string{"url": to})
	}))
}
