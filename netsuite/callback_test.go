package netsuite

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

const testState = "0123456789012345678901"

func success() url.Values {
	return url.Values{"state": {testState}, "role": {"3"}, "entity": {"-5"}, "company": {"1234567_SB1"}, "code": {testCode}}
}

func TestParseCallback(t *testing.T) {
	got, err := ParseCallback(success())
	if want := (Callback{State: testState, Code: testCode, Account: testAccount, Role: 3, Entity: -5}); err != nil || got != want || got.Err() != nil {
		t.Errorf("ParseCallback = %+v, %v; want %+v", got, err, want)
	}
	q := success()
	q.Set("iss", "https://system.netsuite.com")
	q.Set("unknown", "left alone")
	q.Add("unknown", "twice")
	q.Set("company", "1234567-sb1")
	if got, err := ParseCallback(q); err != nil || got.Issuer != "https://system.netsuite.com" || got.Account != testAccount {
		t.Errorf("ParseCallback = %+v, %v", got, err)
	}
}

func TestParseCallbackErrors(t *testing.T) {
	for code, want := range map[string]error{
		"invalid_request": ErrInvalidRequest, "unauthorized_client": ErrUnauthorizedClient, "access_denied": ErrAccessDenied,
		"unsupported_response_type": ErrInvalidRequest, "invalid_scope": ErrInvalidScope, "server_error": ErrUnavailable, "login_required": nil, "InvalidState": nil,
	} {
		got, err := ParseCallback(url.Values{"error": {code}, "state": {testState}})
		if err != nil || got.Error != code || got.State != testState {
			t.Fatalf("ParseCallback(%s) = %+v, %v", code, got, err)
		}
		var e *Error
		if refused := got.Err(); !errors.As(refused, &e) || e.Code != code || e.Hint == "" || e.Err != want {
			t.Errorf("Err of %s = %#v, want %v with a hint", code, refused, want)
		}
	}
}

func TestCallbackDescriptionIsCutAndPlain(t *testing.T) {
	got, err := ParseCallback(url.Values{"error": {"access_denied"}, "state": {testState}, "error_description": {"\x1b[31mred\r\nline\x00 " + strings.Repeat("é", 100000)}})
	if err != nil || len([]rune(got.ErrorDescription)) > 200 || !strings.HasPrefix(got.ErrorDescription, "[31mred line é") {
		t.Errorf("description = %q (%v), want one line of at most 200 characters", got.ErrorDescription, err)
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	huge := strings.Repeat("1", 1<<20)
	for _, tt := range []struct {
		name, parameter string
		change          func(url.Values)
	}{
		{"no state", "state", func(q url.Values) { q.Del("state") }},
		{"short state", "state", func(q url.Values) { q.Set("state", "short") }},
		{"huge state", "state", func(q url.Values) { q.Set("state", huge) }},
		{"state doubled", "state", func(q url.Values) { q.Add("state", testState) }},
		{"state with control character", "state", func(q url.Values) { q.Set("state", testState+"\x00") }},
		{"no code", "code", func(q url.Values) { q.Del("code") }},
		{"huge code", "code", func(q url.Values) { q.Set("code", huge) }},
		{"code doubled", "code", func(q url.Values) { q.Add("code", "2") }},
		{"code with space", "code", func(q url.Values) { q.Set("code", "a b") }},
		{"code beyond ASCII", "code", func(q url.Values) { q.Set("code", "é") }},
		{"no company", "company", func(q url.Values) { q.Del("company") }},
		{"company doubled", "company", func(q url.Values) { q.Add("company", "7654321") }},
		{"hostile company", "company", func(q url.Values) { q.Set("company", "x@evil") }},
		{"company with space", "company", func(q url.Values) { q.Set("company", " 1234567") }},
		{"huge company", "company", func(q url.Values) { q.Set("company", huge) }},
		{"no role", "role", func(q url.Values) { q.Del("role") }},
		{"role in words", "role", func(q url.Values) { q.Set("role", "admin") }},
		{"role with plus", "role", func(q url.Values) { q.Set("role", "+3") }},
		{"role too large", "role", func(q url.Values) { q.Set("role", "9999999999999999999") }},
		{"huge role", "role", func(q url.Values) { q.Set("role", huge) }},
		{"role in hexadecimal", "role", func(q url.Values) { q.Set("role", "0x3") }},
		{"role doubled", "role", func(q url.Values) { q.Add("role", "3") }},
		{"no entity", "entity", func(q url.Values) { q.Del("entity") }},
		{"entity with fraction", "entity", func(q url.Values) { q.Set("entity", "1.5") }},
		{"error beside code", "code", func(q url.Values) { q.Set("error", "access_denied") }},
		{"empty error", "error", func(q url.Values) { q.Set("error", "") }},
		{"error with markup", "error", func(q url.Values) { q.Set("error", "<script>") }},
		{"huge error", "error", func(q url.Values) { q.Set("error", huge) }},
		{"error doubled", "error", func(q url.Values) { q["error"] = []string{"a", "b"} }},
		{"description doubled", "error_description", func(q url.Values) { q["error_description"] = []string{"a", "b"} }},
		{"huge issuer", "iss", func(q url.Values) { q.Set("iss", huge) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := success()
			tt.change(q)
			got, err := ParseCallback(q)
			if err == nil || got != (Callback{}) {
				t.Fatalf("ParseCallback = %+v, %v; want an error", got, err)
			}
			if !strings.HasPrefix(err.Error(), "callback parameter "+tt.parameter+" ") || len(err.Error()) > 300 || strings.Contains(err.Error(), testCode) {
				t.Errorf("error %q should name %s, be short and not show the code", err, tt.parameter)
			}
		})
	}
	if _, err := ParseCallback(nil); err == nil {
		t.Error("an empty callback is accepted")
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add(success().Encode())
	f.Add("error=access_denied&state=" + testState)
	f.Add("state=a&state=b&company=x@evil&role=1e9&entity=%2b5&code=%00")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		c, err := ParseCallback(q)
		if err != nil {
			if c != (Callback{}) {
				t.Fatalf("refused, yet returned %+v", c)
			}
			return
		}
		if (c.Code == "") == (c.Error == "") || !validState(c.State) || len([]rune(c.ErrorDescription)) > 200 {
			t.Fatalf("%q was accepted as %+v", query, c)
		}
		if c.Error == "" || c.Account != "" {
			if again, err := ParseAccountID(string(c.Account)); err != nil || again != c.Account {
				t.Fatalf("%q gave the account %q", query, c.Account)
			}
		}
	})
}
