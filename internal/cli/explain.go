package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/doctor"
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
	recorder := &doctor.Recorder{}
	c.HTTPClient = recorder.Client(c.Site)
	token, tokenErr := c.Token(ctx)
	for _, r := range recorder.Files() {
		steps = append(steps, explainExchange(r))
	}
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

// explainExchange shows what went to the token endpoint and came back, as the doctor records it.
func explainExchange(r doctor.Recording) explained {
	x := explained{Step: "exchange"}
	for line := range strings.Lines(string(r.Content)) {
		if !strings.HasPrefix(line, "#") { // the recording's own notes
			x.add("%s", strings.TrimRight(line, "\n"))
		}
	}
	return x
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
