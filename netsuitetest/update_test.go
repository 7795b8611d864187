package netsuitetest_test

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite generated documentation instead of comparing it")

// generated compares a generated file with what it should be, or writes it.
func generated(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says; run: go test ./netsuitetest -run %s -update", path, t.Name())
	}
}
