package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// httpFinaliser is what the face asks of onboarding.
type httpFinaliser interface {
	Finalise(ctx context.Context, linkID, secret, code string) (string, netsuite.AccountID, error)
}

// oneRun finalises one link with one secret and one code, and counts how often it was asked.
type oneRun struct{ asked int }

func (f *oneRun) Finalise(_ context.Context, linkID, secret, code string) (string, netsuite.AccountID, error) {
	f.asked++
	switch {
	case linkID == "ol_broken":
		return "", "", errors.New("canary: the database is gone")
	case linkID == "ol_away":
		return "", "", broker.Errorf(broker.CodeDatabase, "the database does not answer").WithCause(errors.New("canary"))
	case linkID == "ol_busy":
		return "", "", broker.Errorf(broker.CodeWrongAccount, "a situation of the wizard is no error of a request")
	case linkID != "ol_1" || secret != "finalise-secret" || code != "one-time-code":
		return "", "", broker.Errorf(broker.CodeNotFound, "no run waits for this link, secret and code").WithCause(errors.New("canary"))
	}
	return "run_1", "1234567_SB1", nil
}

// problemAnswer is an error of ux.md 4.2.
type problemAnswer struct {
	Type      string
	Title     string
	Status    int
	Detail    string
	Code      broker.Code
	Remedy    string
	RequestID string `json:"request_id"`
}

func wantProblem(t *testing.T, a answer, status int, code broker.Code) problemAnswer {
	t.Helper()
	var got problemAnswer
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("status %d, and the body is not JSON: %v\n%s", a.status, err, a.body)
	}
	wantHeaders(t, a, map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store"})
	if a.status != status || got.Status != status || got.Code != code || got.Type != publicURL+"/errors/"+string(code) {
		t.Errorf("got %d %+v, want %d %s", a.status, got, status, code)
	}
	if got.Title == "" || got.Detail == "" || got.Remedy == "" || !strings.HasPrefix(got.RequestID, "req_") {
		t.Errorf("the problem is not complete: %+v", got)
	}
	if strings.Contains(a.body, "canary") {
		t.Errorf("the problem tells its cause: %s", a.body)
	}
	return got
}

func (s *server) finalise(t *testing.T, link, authorization, contentType, body string) answer {
	t.Helper()
	header := http.Header{"Content-Type": {contentType}}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return s.do(t, http.MethodPost, "/v1/onboarding-links/"+link+"/finalise", header, body)
}

const (
	goodCode   = `{"code":"one-time-code"}`
	goodBearer = "Bearer finalise-secret"
	asJSON     = "application/json"
)

func TestFinalise(t *testing.T) {
	s := newServer(t, &oneRun{})
	for name, tc := range map[string]struct{ authorization, contentType, body string }{
		"plain":              {goodBearer, asJSON, goodCode},
		"with charset":       {goodBearer, "application/json; charset=utf-8", goodCode},
		"with spaces":        {goodBearer, asJSON, " {\n\"code\" : \"one-time-code\" }\n"},
		"escaped":            {goodBearer, asJSON, `{"\u0063ode":"one\u002dtime-code"}`},
		"scheme in any case": {"bearer finalise-secret", asJSON, goodCode},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.finalise(t, "ol_1", tc.authorization, tc.contentType, tc.body)
			if want := `{"run_url":"` + publicURL + `/r/run_1","account":"1234567_SB1"}` + "\n"; a.status != 200 || a.body != want {
				t.Errorf("got %d %s, want %s", a.status, a.body, want)
			}
			wantHeaders(t, a, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"})
		})
	}
}

func TestFinaliseIsRefused(t *testing.T) {
	f := &oneRun{}
	s := newServer(t, f)
	for name, tc := range map[string]struct {
		link, authorization, contentType, body string
		status                                 int
		code                                   broker.Code
		asked                                  bool
	}{
		"unknown link":        {"ol_2", goodBearer, asJSON, goodCode, 404, broker.CodeNotFound, true},
		"wrong secret":        {"ol_1", "Bearer x", asJSON, goodCode, 404, broker.CodeNotFound, true},
		"wrong code":          {"ol_1", goodBearer, asJSON, `{"code":"x"}`, 404, broker.CodeNotFound, true},
		"unforeseen":          {"ol_broken", goodBearer, asJSON, goodCode, 500, broker.CodeInternal, true},
		"situation":           {"ol_busy", goodBearer, asJSON, goodCode, 500, broker.CodeInternal, true},
		"no secret":           {"ol_1", "", asJSON, goodCode, 400, broker.CodeInvalid, false},
		"basic":               {"ol_1", basic("ol_1", "finalise-secret"), asJSON, goodCode, 400, broker.CodeInvalid, false},
		"empty bearer":        {"ol_1", "Bearer ", asJSON, goodCode, 400, broker.CodeInvalid, false},
		"huge bearer":         {"ol_1", "Bearer " + strings.Repeat("x", 5000), asJSON, goodCode, 400, broker.CodeInvalid, false},
		"form":                {"ol_1", goodBearer, "application/x-www-form-urlencoded", "code=one-time-code", 400, broker.CodeInvalid, false},
		"no content type":     {"ol_1", goodBearer, "", goodCode, 400, broker.CodeInvalid, false},
		"empty body":          {"ol_1", goodBearer, asJSON, "", 400, broker.CodeInvalid, false},
		"no JSON":             {"ol_1", goodBearer, asJSON, "one-time-code", 400, broker.CodeInvalid, false},
		"cut JSON":            {"ol_1", goodBearer, asJSON, `{"code":"one-time-code"`, 400, broker.CodeInvalid, false},
		"null":                {"ol_1", goodBearer, asJSON, "null", 400, broker.CodeInvalid, false},
		"array":               {"ol_1", goodBearer, asJSON, `["code","one-time-code"]`, 400, broker.CodeInvalid, false},
		"no code":             {"ol_1", goodBearer, asJSON, `{}`, 400, broker.CodeInvalid, false},
		"empty code":          {"ol_1", goodBearer, asJSON, `{"code":""}`, 400, broker.CodeInvalid, false},
		"number":              {"ol_1", goodBearer, asJSON, `{"code":1}`, 400, broker.CodeInvalid, false},
		"object":              {"ol_1", goodBearer, asJSON, `{"code":{"code":"x"}}`, 400, broker.CodeInvalid, false},
		"other name":          {"ol_1", goodBearer, asJSON, `{"Code":"one-time-code"}`, 400, broker.CodeInvalid, false},
		"more names":          {"ol_1", goodBearer, asJSON, `{"code":"one-time-code","x":1}`, 400, broker.CodeInvalid, false},
		"twice":               {"ol_1", goodBearer, asJSON, `{"code":"x","code":"one-time-code"}`, 400, broker.CodeInvalid, false},
		"something after":     {"ol_1", goodBearer, asJSON, goodCode + goodCode, 400, broker.CodeInvalid, false},
		"huge code":           {"ol_1", goodBearer, asJSON, `{"code":"` + strings.Repeat("x", 300) + `"}`, 400, broker.CodeInvalid, false},
		"huge body":           {"ol_1", goodBearer, asJSON, `{"code":"` + strings.Repeat("x", 1<<20) + `"}`, 413, broker.CodeTooLarge, false},
		"deep":                {"ol_1", goodBearer, asJSON, strings.Repeat("[", 4000), 400, broker.CodeInvalid, false},
		"hostile link":        {"%27%20OR%201=1", goodBearer, asJSON, goodCode, 404, broker.CodeNotFound, true},
		"encoded path tricks": {"..%2Fol_1", goodBearer, asJSON, goodCode, 404, broker.CodeNotFound, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.asked
			wantProblem(t, s.finalise(t, tc.link, tc.authorization, tc.contentType, tc.body), tc.status, tc.code)
			if (f.asked != before) != tc.asked {
				t.Errorf("onboarding was asked %d times", f.asked-before)
			}
		})
	}
}

func TestDatabaseIsAway(t *testing.T) {
	s := newServer(t, &oneRun{})
	a := s.finalise(t, "ol_away", goodBearer, asJSON, goodCode)
	wantProblem(t, a, 503, broker.CodeDatabase)
	if a.header.Get("Retry-After") == "" {
		t.Error("the answer does not say when to come again")
	}
}

func TestInternalProblemIsFoundInTheLog(t *testing.T) {
	s := newServer(t, &oneRun{})
	got := wantProblem(t, s.finalise(t, "ol_broken", goodBearer, asJSON, goodCode), 500, broker.CodeInternal)
	if log := s.log.String(); !strings.Contains(log, got.RequestID) || !strings.Contains(log, "the database is gone") || strings.Contains(log, "finalise-secret") {
		t.Errorf("the log does not name request %s and its cause, or names the secret:\n%s", got.RequestID, log)
	}
}
