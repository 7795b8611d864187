package suitekey_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// modernc.org/libc must be the version that modernc.org/sqlite was made with: SQLite's C code is translated against it, and a newer
// one may crash on some processors.
func TestLibcIsTheOneOfSQLite(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoMod}}", sqlite).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", sqlite, err)
	}
	ours, theirs := libcVersion(t, "go.mod"), libcVersion(t, strings.TrimSpace(string(out)))
	if ours != theirs {
		t.Errorf("go.mod names modernc.org/libc %s, but %s needs %s; run: go get modernc.org/libc@%s", ours, sqlite, theirs, theirs)
	}
}

var libcLine = regexp.MustCompile(`(?m)^\s*(?:require\s+)?modernc\.org/libc (v\S+)`)

func libcVersion(t *testing.T, goMod string) string {
	t.Helper()
	text, err := os.ReadFile(goMod)
	if err != nil {
		t.Fatal(err)
	}
	m := libcLine.FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s does not name modernc.org/libc", goMod)
	}
	return string(m[1])
}
