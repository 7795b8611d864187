package main

import (
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/suitekey/suitekey/internal/customer"
	"github.com/suitekey/suitekey/netsuite"
)

// What scripts with servers need beside the commands themselves. $EMULATOR and $SERVER are free addresses.
var serverCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"expand": expandFiles, "await": awaitListener, "credentials": keepCredentials, "consent": consentToLink, "keep": keep, "hyphenated": makeHyphenated,
}

// patience is far more than anything in a script takes.
const patience = 30 * time.Second

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// expandFiles puts the addresses into files, which testscript does for commands only.
func expandFiles(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func awaitListener(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	ts.Check(customer.Every(ctx, 20*time.Millisecond, func() (bool, error) {
		conn, err := net.Dial("tcp", args[0])
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	}))
}

var credential = regexp.MustCompile(`(?m)^client_(id|secret) +(\S+)$`)

// keepCredentials reads what client create printed into $ID and $SECRET.
func keepCredentials(ts *testscript.TestScript, _ bool, _ []string) {
	found := credential.FindAllStringSubmatch(ts.ReadFile("stdout"), -1)
	if len(found) != 2 {
		ts.Fatalf("client create printed no credentials")
	}
	for _, m := range found {
		ts.Setenv(strings.ToUpper(m[1]), m[2])
	}
}

// consentToLink follows the link that link create printed, allows, and waits until the page says Connected.
func consentToLink(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c := customer.Customer{
		Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: "1234567", Home: "http://" + ts.Getenv("SERVER"),
	}
	defer c.Close()
	page, err := c.Consent(ctx, strings.TrimSpace(ts.ReadFile("stdout")))
	ts.Check(err)
	run, _, _ := strings.Cut(strings.TrimPrefix(page.URL.Path, "/r/"), "/")
	_, err = c.WaitFor(ctx, c.Home+"/r/"+run, func(s customer.Status) bool { return s.Phase == "connected" })
	ts.Check(err)
}

// keep puts what a regular expression's group found in the last output into a variable: keep NAME REGEXP.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("keep: nothing matches %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// makeHyphenated makes hyphen.key and hyphen.pem, a key whose certificate ID begins with a hyphen, as one in 64 does.
func makeHyphenated(ts *testscript.TestScript, _ bool, _ []string) {
	for {
		key, err := netsuite.GenerateKey(netsuite.P256)
		ts.Check(err)
		cert, err := netsuite.NewCertificate(key, netsuite.CertificateOptions{})
		ts.Check(err)
		if !strings.HasPrefix(netsuite.CertificateID(cert), "-") {
			continue
		}
		pem, err := netsuite.EncodePrivateKeyPEM(key)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("hyphen.key"), []byte(pem.Reveal()), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs("hyphen.pem"), netsuite.EncodePEM(cert), 0o600))
		return
	}
}
