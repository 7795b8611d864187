package netsuitetest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest"
)

func withCA(tb testing.TB, file string, now func() time.Time) (*netsuitetest.Server, error) {
	tb.Helper()
	srv, err := netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts(), CAFile: file, Now: now})
	if err == nil {
		tb.Cleanup(func() { _ = srv.Close() })
	}
	return srv, err
}

// TestCACertificate: an authority for names under netsuite.com, for a year, that signs nothing but hosts.
func TestCACertificate(t *testing.T) {
	t.Parallel()
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	ca := srv.CACertificate()
	if !ca.IsCA || !ca.MaxPathLenZero || !ca.PermittedDNSDomainsCritical || len(ca.PermittedDNSDomains) != 1 || ca.PermittedDNSDomains[0] != "netsuite.com" {
		t.Errorf("constraints: CA %t, path length zero %t, names %q critical %t", ca.IsCA, ca.MaxPathLenZero, ca.PermittedDNSDomains, ca.PermittedDNSDomainsCritical)
	}
	if life := time.Until(ca.NotAfter); life < 364*24*time.Hour || life > 366*24*time.Hour {
		t.Errorf("valid for %s more, want a year", life)
	}
	if key, ok := ca.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key %T, want P-256", ca.PublicKey)
	}
	another := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts()})
	if another.CACertificate().Equal(ca) {
		t.Error("two emulators share an authority; want one each, unless they share a file")
	}
}

// TestCAFile: both files are made, with the key for the owner alone, and the next start takes them as they are.
func TestCAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	first, err := withCA(t, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(written); block == nil || string(block.Bytes) != string(first.CACertificate().Raw) || strings.Contains(string(written), "PRIVATE") {
		t.Errorf("the file holds\n%s\nwant the certificate alone", written)
	}
	info, err := os.Stat(strings.TrimSuffix(file, ".pem") + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v; want mode 0600", info, err)
	}
	second, err := withCA(t, file, nil)
	if err != nil || !second.CACertificate().Equal(first.CACertificate()) {
		t.Errorf("after a restart: %v, want the same authority", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// TestCAFileStartedAtOnce: emulators that start together with one file agree on one authority.
func TestCAFileStartedAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	const n = 16
	servers, errs := make([]*netsuitetest.Server, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			servers[i], errs[i] = netsuitetest.New(netsuitetest.Config{Accounts: smallAccounts(), CAFile: file})
		})
	}
	all.Wait()
	for i, srv := range servers {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		t.Cleanup(func() { _ = srv.Close() })
		if !srv.CACertificate().Equal(servers[0].CACertificate()) {
			t.Errorf("start %d has another authority", i)
		}
	}
}

// TestCAFileErrors: each refusal names the file, the rule and the remedy, and leaves the files as they are.
func TestCAFileErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, file, key string) (use string)
		now    func() time.Time
		want   []string
	}{
		{name: "folder that is not there", change: func(t *testing.T, file, _ string) string { return filepath.Join(filepath.Dir(file), "x", "ca.pem") }, want: []string{"x", "folder that is there"}},
		{name: "a folder", change: func(t *testing.T, file, _ string) string { return filepath.Dir(file) }, want: []string{"ca file"}},
		{name: "named like its key", change: func(t *testing.T, _, key string) string { return key }, want: []string{".pem"}},
		{name: "key is missing", change: func(t *testing.T, file, key string) string { remove(t, key); return file }, want: []string{"key", "missing"}},
		{name: "key is open to others", change: func(t *testing.T, file, key string) string { chmod(t, key, 0o644); return file }, want: []string{"chmod 600"}},
		{name: "empty certificate", change: func(t *testing.T, file, _ string) string { write(t, file, ""); return file }, want: []string{"PEM", "remove it"}},
		{name: "garbage certificate", change: func(t *testing.T, file, _ string) string {
			write(t, file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
			return file
		}, want: []string{"X.509"}},
		{name: "two certificates", change: func(t *testing.T, file, _ string) string { write(t, file, read(t, file)+read(t, file)); return file }, want: []string{"one certificate"}},
		{name: "huge key", change: func(t *testing.T, file, key string) string { write(t, key, strings.Repeat("A", 1<<20)); return file }, want: []string{"PKCS #8"}},
		{name: "key of another kind", change: func(t *testing.T, file, key string) string { write(t, key, keyPEM(t, rsaKey(t, 3072))); return file }, want: []string{"P-256"}},
		{name: "key of another", change: func(t *testing.T, file, key string) string {
			write(t, key, keyPEM(t, ecKey(t, elliptic.P256())))
			return file
		}, want: []string{"another key"}},
		{name: "authority for all names", change: func(t *testing.T, file, key string) string { write(t, file, foreignCA(t, key)); return file }, want: []string{"netsuite.com alone"}},
		{
			name: "expired", change: func(t *testing.T, file, _ string) string { return file },
			now: func() time.Time { return time.Now().Add(366 * 24 * time.Hour) }, want: []string{"expired", "remove it and its key"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ca.pem")
			key := strings.TrimSuffix(file, ".pem") + ".key"
			if _, err := withCA(t, file, nil); err != nil {
				t.Fatal(err)
			}
			use := tt.change(t, file, key)
			_, err := withCA(t, use, tt.now)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tt.want, "ca file "+use) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want one that names %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

// A start that broke off after the key is carried on with.
func TestCAFileKeyAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := withCA(t, file, nil); err != nil {
		t.Fatal(err)
	}
	key := read(t, strings.TrimSuffix(file, ".pem")+".key")
	remove(t, file)
	if _, err := withCA(t, file, nil); err != nil {
		t.Fatal(err)
	}
	if read(t, strings.TrimSuffix(file, ".pem")+".key") != key {
		t.Error("the key was made anew")
	}
}

// TestLeafRenewed: a certificate is kept while it is young, and made anew before it ends.
func TestLeafRenewed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	srv := netsuitetest.Start(t, netsuitetest.Config{Accounts: smallAccounts(), Now: clock})
	shown := func() *x509.Certificate {
		transport := &http.Transport{
			Proxy: http.ProxyURL(srv.ProxyURL()), DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: trusting(srv), Time: clock},
		}
		res, err := (&http.Client{Transport: transport}).Get("https://" + realHost + authPath + "/keys")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.TLS.PeerCertificates[0]
	}
	first := shown()
	if again := shown(); !again.Equal(first) {
		t.Error("a new certificate for the same name at once")
	}
	srv.Clock().Advance(30 * 24 * time.Hour) // the emulator's clock is not the clients'
	if again := shown(); !again.Equal(first) {
		t.Error("a new certificate because the emulator's clock moved")
	}
	mu.Lock()
	now = now.Add(4 * 24 * time.Hour)
	mu.Unlock()
	if later := shown(); later.Equal(first) {
		t.Error("the same certificate when half of its life is over")
	}
}

// foreignCA is an authority for all names with the key in a file.
func foreignCA(t *testing.T, keyFile string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(read(t, keyFile)))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.(*ecdsa.PrivateKey).Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
