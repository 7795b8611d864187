package bench

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/suitekey/suitekey/internal/httpapi"
	"github.com/suitekey/suitekey/internal/tokens/tokenstest"
)

// This file is the measured process: the test binary started again, so that the CPU of the load generator is not counted.

// asServer names the kind of server that this process is to be; unset in the benchmark itself.
const asServer = "SUITEKEY_BENCH_SERVER"

const (
	kindHandOut = "handout" // the real thing: proof, cached token, durable audit line, answer
	kindBare    = "bare"    // net/http, the same proof, the same bytes
	kindAnswers = "answers" // what a client meets: a token endpoint, and the server's time everywhere else
)

func TestMain(m *testing.M) {
	kind := os.Getenv(asServer)
	if kind == "" {
		os.Exit(m.Run())
	}
	run := runServer
	switch kind {
	case kindEmulator:
		run = runEmulator
	case kindTokens:
		run = runTokens
	case kindMany:
		run = runMany
	case kindMints:
		run = runMints
	}
	if err := run(kind, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hello is what the server process tells the benchmark when it is ready.
type hello struct {
	Addr, Control string // of the measured server, and of its meter
	ClientID      string
	Secret        string
	Clients       []clientPair // of a server with several connections: one client for each
}

type clientPair struct{ ID, Secret string }

// usage is what the meter shows.
type usage struct {
	CPU    time.Duration // user and system time of the process
	Groups int64         // audit groups, which are rows, since the beginning
}

// runServer serves until its input ends, which it does when the benchmark ends in whatever way.
func runServer(kind string, input io.Reader, output io.Writer) error {
	if kind == kindAnswers {
		return runAnswers(input, output)
	}
	ctx, dir := context.Background(), os.Getenv("SUITEKEY_BENCH_DIR")
	env, err := tokenstest.Open(ctx, dir, tokenstest.Config{})
	if err != nil {
		return err
	}
	defer env.Close()
	conn, err := env.Connect(ctx, "1234567_SB1", 1000, 12, nil)
	if err != nil {
		return err
	}
	token, err := env.Hold(ctx, conn, time.Hour)
	if err != nil {
		return err
	}
	id, secret, err := env.Tokens.CreateClient(ctx, env.App.Name, []string{conn.ID})
	if err != nil {
		return err
	}
	var handler http.Handler = bare(id, secret.Reveal(), token)
	if kind == kindHandOut {
		handler = handOut(env)
	}
	served, addr, err := serve(handler)
	if err != nil {
		return err
	}
	defer served.Close()
	meter, control, err := serve(meter(env))
	if err != nil {
		return err
	}
	defer meter.Close()
	if err := json.NewEncoder(output).Encode(hello{Addr: addr, Control: control, ClientID: id, Secret: secret.Reveal()}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

func runAnswers(input io.Reader, output io.Writer) error {
	served, addr, err := serve(http.HandlerFunc(answers))
	if err != nil {
		return err
	}
	defer served.Close()
	if err := json.NewEncoder(output).Encode(hello{Addr: addr}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

func answers(w http.ResponseWriter, r *http.Request) {
	body := `{"serverTime":"2026-11-24T12:00:00.000Z"}`
	if r.URL.Path == "/services/rest/auth/oauth2/v1/token" {
		body = `{"access_token":"` + strings.Repeat("a", 1200) + `","expires_in":"3600","token_type":"bearer"}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// handOut is the face of the product.
func handOut(env *tokenstest.Env) http.Handler {
	mux := http.NewServeMux()
	httpapi.New(httpapi.Config{Tokens: env.Tokens, PublicURL: &url.URL{Scheme: "https", Host: "connect.acme.example"}}).Register(mux)
	return mux
}

// bare is the least that a server does for such a request: it checks the secret in the same way and writes the same bytes.
func bare(id, secret, token string) http.HandlerFunc {
	want := sha256.Sum256([]byte(secret))
	return func(w http.ResponseWriter, r *http.Request) {
		gotID, got, _ := r.BasicAuth()
		sum := sha256.Sum256([]byte(got))
		if gotID != id || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body := []byte(`{"access_token":"` + token + `","token_type":"Bearer","expires_in":3569,"scope":"rest_webservices restlets",` +
			`"netsuite_account":"1234567_SB1","netsuite_base_url":"http://1234567-sb1.suitetalk.localhost:1"}` + "\n")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// serve listens with the timeouts of the product.
func serve(handler http.Handler) (*http.Server, string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return server, ln.Addr().String(), nil
}

// meter shows what the process has used so far.
func meter(env *tokenstest.Env) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var used syscall.Rusage
		head, err := env.Store.AuditHead(r.Context())
		if err == nil {
			err = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(usage{
			CPU:    time.Duration(used.Utime.Nano() + used.Stime.Nano()),
			Groups: head.Seq,
		})
	}
}
