package doctor_test

import (
	"context"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/doctor"
	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/wire"
)

// What is recorded of an examination is readable by the reader of the project's own exchanges, and holds nothing that is somebody's.
func TestEX01_RecordingsHoldNoSecret(t *testing.T) {
	s := newSetup(t, examined, netsuite.P256)
	recorder := &doctor.Recorder{}
	client := recorder.Client(s.subject.Site)
	var secrets []string
	s.subject.HTTPClient = client
	s.subject.Fresh = func(ctx context.Context) (*netsuite.Token, error) {
		c := &netsuite.ClientCredentials{
			Account: s.signer.Account, ClientID: s.signer.ClientID, CertificateID: s.signer.CertificateID, Key: s.signer.Key, Scopes: s.signer.Scopes, Site: s.signer.Site, HTTPClient: client,
		}
		token, err := c.Token(ctx)
		if err == nil {
			secrets = append(secrets, token.AccessToken.Reveal())
		}
		return token, err
	}
	if got := complaints(doctor.Examine(t.Context(), s.subject, nil)); len(got) > 0 {
		t.Fatalf("the recorder changes what is seen: %q", got)
	}
	files := recorder.Files()
	if len(files) < 6 {
		t.Fatalf("%d exchanges were recorded", len(files))
	}
	secrets = append(secrets, s.app.ClientID, s.signer.CertificateID, "Globex", "Integration User", machine, admin, "eyJ")
	var all strings.Builder
	for _, f := range files {
		all.Write(f.Content)
		found, err := wire.Parse(string(f.Content))
		if err != nil || len(found) != 1 || found[0].Status == 0 || !strings.Contains(found[0].URL, "netsuite.com") {
			t.Errorf("%s cannot be read: %v\n%s", f.Name, err, f.Content)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the recordings hold %.20q:\n%s", secret, all.String())
		}
	}
	for _, want := range []string{"grant_type=client_credentials", "client_assertion={{assertion}}", `"token_type":"bearer"`, "{{token}}", `"kty":"RSA"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the recordings lack %s", want)
		}
	}
}
