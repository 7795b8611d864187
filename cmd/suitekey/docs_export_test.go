package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/suitekey/suitekey/internal/apptest"
	"github.com/suitekey/suitekey/internal/broker"
)

// besideServer starts a server with one connection, puts newman into the folder of programs, and returns the variables under which
// docs/export-postman.md knows the server and its client.
func besideServer(t *testing.T, bin, _ string) []string {
	t.Helper()
	newman, err := filepath.Abs("../../test/node_modules/.bin/newman")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(newman, filepath.Join(bin, "newman")); err != nil {
		t.Fatal(err)
	}
	env := apptest.Start(t, apptest.Config{Ready: true})
	link := env.Link(t, broker.LinkSent, apptest.Account)
	if _, err := env.Customer(t).Consent(t.Context(), link.URL); err != nil {
		t.Fatal(err)
	}
	id, secret, err := env.App.Tokens.CreateClient(t.Context(), apptest.AppName, []string{env.Connected(t, link).ConnectionID})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "client.secret")
	if err := os.WriteFile(file, []byte(secret.Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"SERVER=" + env.Home.String(), "SERVER_CLIENT_ID=" + id, "CLIENT_SECRET_FILE=" + file}
}

// standInForSuiteCloud plays the SuiteCloud CLI, which downloads parts of itself from NetSuite: it takes the calls that Oracle's pages
// have. What it is given is judged in internal/export.
const standInForSuiteCloud = `#!/bin/sh
case "$1" in
account:setup:ci) [ -r "$9" ] && [ -n "$SUITECLOUD_CI_PASSKEY" ] && [ -z "$SUITECLOUD_CI" ] ;;
project:validate | project:deploy) [ -n "$SUITECLOUD_CI_PASSKEY" ] && [ "$SUITECLOUD_CI" = 1 ] && [ -f suitecloud.config.js ] ;;
*) exit 64 ;;
esac
`

// suiteCloudProject puts the stand-in into the folder of programs, and a project into the repository.
func suiteCloudProject(t *testing.T, bin, folder string) []string {
	t.Helper()
	writeProgram(t, filepath.Join(bin, "suitecloud"), standInForSuiteCloud)
	project := filepath.Join(folder, "repository", "netsuite", "acme")
	if err := os.MkdirAll(project, 0o700); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(project, "suitecloud.config.js"), "module.exports = {};\n")
	return nil
}

// reportScript puts the recipe's script into a folder of the PATH, as its page says.
func reportScript(t *testing.T, bin, _ string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/recipes/netsuite-report.sh")
	if err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(bin, "netsuite-report.sh"), string(text))
	return nil
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
