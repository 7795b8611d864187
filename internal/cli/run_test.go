package cli

import (
	"slices"
	"testing"
)

// A program gets what it needs, and none of our secrets, wherever they stand.
func TestRunKeepsSecretsHere(t *testing.T) {
	kept := []string{
		"PATH=/bin", "SUITEKEY_ACCOUNT=1234567", "SUITEKEY_CLIENT_ID=x", "SUITEKEY_CONNECTION=acme", "SUITEKEY_SMTP_USER=mail", "SUITEKEY_PKCS11_MODULE=/lib/x.so",
		"SUITEKEY_DATABASE=sqlite:suitekey.db", "MY_SUITEKEY_KEY=x", "EMPTY=", "SUITEKEY_KEYS=x",
	}
	hidden := []string{
		"SUITEKEY_KEY=canary", "SUITEKEY_KEY_FILE=canary", "SUITEKEY_MASTER_KEY=canary", "SUITEKEY_MASTER_KEY_FILE=canary", "SUITEKEY_SERVER_CLIENT_SECRET=canary",
		"SUITEKEY_SERVER_CLIENT_SECRET_FILE=canary", "SUITEKEY_SMTP_PASSWORD=canary", "SUITEKEY_SMTP_PASSWORD_FILE=canary", "SUITEKEY_PKCS11_PIN=canary", "SUITEKEY_PKCS11_PIN_FILE=canary",
		"SUITEKEY_DATABASE=postgres://suitekey:canary@db.internal/suitekey", "SUITEKEY_DATABASE=postgres://db.internal/suitekey?password=canary", "SUITEKEY_DATABASE_FILE=canary",
	}
	for _, pair := range hidden {
		if got := withoutSecrets(append(slices.Clone(kept), pair)); !slices.Equal(got, kept) {
			t.Errorf("with %s the program gets %q, want %q", pair, got, kept)
		}
	}
}
