package netsuite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// Whether an account exists, before anything else is tried.
func ExampleSite_DataCenterURLs() {
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 1)
	defer emulator.Close()
	site := emulator.site // netsuite.Site{} is netsuite.com

	hosts, err := site.DataCenterURLs(context.Background(), "1234567_SB1")
	if err != nil {
		fmt.Println(err)
		return
	}
	name, _, _ := strings.Cut(hosts.WebServices, ":")
	fmt.Println(name)
	_, err = site.DataCenterURLs(context.Background(), "7654321")
	fmt.Println(errors.Is(err, netsuite.ErrNotFound))
	// Output:
	// 1234567-sb1.suitetalk.localhost
	// true
}

// NetSuite's form of the answer is not settled; all are read.
func TestDataCenterURLs_Forms(t *testing.T) {
	for _, settings := range []netsuitetest.Settings{{}, {DataCenterHostsOnly: true}, {DataCenterUnknownEmpty: true}} {
		e := startEmulator(t, netsuitetest.Integration{}, settings)
		if hosts, err := e.site.DataCenterURLs(t.Context(), "1234567"); err != nil || !strings.HasPrefix(hosts.WebServices, "1234567.suitetalk.localhost") || hosts.System == "" || hosts.REST == "" {
			t.Errorf("%+v: %+v, %v", settings, hosts, err)
		}
		if hosts, err := e.site.DataCenterURLs(t.Context(), "7654321"); !errors.Is(err, netsuite.ErrNotFound) {
			t.Errorf("%+v: an unknown account: %+v, %v; want ErrNotFound", settings, hosts, err)
		}
		if _, err := e.site.DataCenterURLs(t.Context(), "evil.example/"); err == nil {
			t.Error("a malformed account was asked for")
		}
	}
}
