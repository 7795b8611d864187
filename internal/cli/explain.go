package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// explained is one step on the way to a token.
type explained struct {
	Step  string   `json:"step"`
	Lines []string `json:"lines"`
}

// explainToken gets a new token and shows each step of it as it was really done. Nothing secret is in it, so that it can be sent to
// somebody who helps.
func (e *env) explainToken(ctx context.Context, t *target) error {
	c, err := t.machine(ctx)
	if err != nil {
		return err
	}
	steps := []explained{explainConnection(t, c)}
	assertion, err := c.Assertion()
	if err != nil {
		return err
	}
	steps = append(steps, explainAssertion(assertion))
	recorder := &recorder{}
	c.HTTPClient = func(a netsuite.AccountID) *http.Client {
		client := c.Site.HTTPClient(a)
		recorder.base, client.Transport = client.Transport, recorder
		return client
	}
	token, tokenErr := c.Token(ctx)
	steps = append(steps, recorder.steps...)
	if tokenErr == nil {
		if claims, err := token.Claims(); err == nil {
			steps = append(steps, explainClaims(claims))
		}
	}
	if err := e.printSteps(steps); err != nil {
		return err
	}
	return tokenErr
}

// machine is a copy of the client credentials that stores nothing.
func (t *target) machine(ctx context.Context) (*netsuite.ClientCredentials, error) {
	c := t.credentials
	if t.profile != nil {
		var err error
		if c, err = t.profile.Credentials(ctx); err != nil {
			return nil, err
		}
	}
	if c == nil {
		return nil, broker.Errorf(broker.CodeInvalid, "the key of connection %s is with a server, which does not give it", t.name).WithDo("See how it is with: suitekey doctor")
	}
	return &netsuite.ClientCredentials{Account: c.Account, ClientID: c.ClientID, CertificateID: c.CertificateID, Key: c.Key, Scopes: c.Scopes, Site: c.Site}, nil
}

func explainConnection(t *target, c *netsuite.ClientCredentials) explained {
	x := explained{Step: "connection"}
	x.add("account     %s (%s), %s", c.Account, c.Account.Describe(), c.Site)
	if base, err := c.Site.BaseURL(c.Account, netsuite.ServiceSuiteTalk); err == nil {
		x.add("host        %s", base.Host)
	}
	x.add("client      %s", c.ClientID)
	x.add("certificate %s", c.CertificateID)
	x.add("key         %s", netsuite.NameKey(c.Key.Public()))
	if t.profile != nil && t.profile.Certificate != "" {
		if cert, err := netsuite.ParseCertificate([]byte(t.profile.Certificate)); err == nil {
			x.add("matches     %t: the key is that of the certificate kept here", netsuite.CertificateMatchesKey(cert, c.Key.Public()))
		}
	}
	return x
}

func (x *explained) add(text string, args ...any) {
	x.Lines = append(x.Lines, oneLine(fmt.Sprintf(text, args...)))
}

// explainAssertion shows what is signed: header and claims, without the signature, without which it is of no use to anybody.
func explainAssertion(jwt string) explained {
	x := explained{Step: "client assertion (RFC 7523)"}
	for i, part := range strings.Split(jwt, ".") {
		name := []string{"header", "claims", "signature"}[i]
		if name == "signature" {
			x.add("%-11s [redacted], %d characters", name, len(part))
			continue
		}
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil {
			x.add("%-11s %s", name, text)
		}
	}
	return x
}

func explainClaims(c netsuite.Claims) explained {
	x := explained{Step: "token"}
	x.add("account     %s", c.Account)
	x.add("role        %d", c.Role)
	x.add("entity      %d", c.Entity)
	x.add("scopes      %s", strings.Join(c.Scopes, " "))
	x.add("issued      %s", when(c.IssuedAt))
	x.add("ends        %s", when(c.Expiry))
	return x
}

// recorder keeps what goes to the token endpoint and comes back, without the secrets.
type recorder struct {
	base  http.RoundTripper
	steps []explained
}

// shownFields of the form and of the answer are no secrets; of all others only the length is kept.
var shownFields = []string{"grant_type", "client_assertion_type", "token_type", "expires_in", "scope", "error", "error_description"}

const longestAnswer = 64 << 10

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	x := explained{Step: "request"}
	x.add("%s %s", request.Method, request.URL.Redacted())
	if request.GetBody != nil {
		if body, err := request.GetBody(); err == nil {
			data, _ := io.ReadAll(io.LimitReader(body, longestAnswer))
			form, _ := url.ParseQuery(string(data))
			for _, name := range slices.Sorted(maps.Keys(form)) {
				x.add("%s=%s", name, shownValue(name, form.Get(name)))
			}
		}
	}
	r.steps = append(r.steps, x)
	response, err := r.base.RoundTrip(request)
	if err != nil {
		r.steps = append(r.steps, explained{Step: "no answer", Lines: []string{oneLine(err.Error())}})
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(data))
	r.steps = append(r.steps, answered(response, data))
	return response, err
}

func answered(response *http.Response, data []byte) explained {
	x := explained{Step: "answer"}
	x.add("HTTP %s", response.Status)
	if date := response.Header.Get("Date"); date != "" {
		x.add("Date: %s", date)
	}
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		x.add("%d bytes that are not JSON", len(data))
		return x
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		x.add("%s: %s", name, shownValue(name, fmt.Sprint(fields[name])))
	}
	return x
}

func shownValue(name, value string) string {
	if slices.Contains(shownFields, name) {
		return value
	}
	return fmt.Sprintf("[redacted], %d characters", len(value))
}

func (e *env) printSteps(steps []explained) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(steps)
	}
	var text strings.Builder
	for i, x := range steps {
		fmt.Fprintf(&text, "%d %s\n", i+1, x.Step)
		for _, line := range x.Lines {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	_, err := io.WriteString(e.stdout, text.String())
	return err
}
