package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/internal/web/storybook"
)

func TestStorybookServesItsScreens(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-addr", "127.0.0.1:0"}, in, io.Discard) }()
	home, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	index := fetch(t, strings.TrimSpace(home)+"/")
	for _, s := range storybook.Screens() {
		if !strings.Contains(index, `"`+s.Path+`"`) {
			t.Errorf("the index lacks %s", s.Path)
		}
	}
	if page := fetch(t, strings.TrimSpace(home)+"/r/connected"); !strings.Contains(page, "Connected to an emulator") {
		t.Error("the page of a canned run is not served")
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run = %v, want a clean stop", err)
	}
}

func TestStorybookRefusesBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-addr", "nowhere:x"}, {"-colour"}, {"-dev", "-addr", "127.0.0.1:0"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q) = nil, want an error", args)
		}
	}
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %s, %v", address, res.Status, err)
	}
	return string(body)
}
