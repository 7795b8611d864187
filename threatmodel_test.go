package suitekey_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// defended are the abuse cases of the threat model that count as defended. A case counts when a test bears its ID.
var defended = []string{
	"ON-01", "ON-02", "ON-03", "ON-04", "ON-05", "ON-06", "ON-07", "ON-08", "ON-09", "ON-10", "ON-11", "ON-12", "ON-13", "ON-14", "ON-15",
	"TE-02", "TE-03", "TE-04", "TE-06", "TE-07", "TE-08", "TE-09",
	"PX-01", "PX-09",
	"RO-01", "RO-02", "RO-03", "RO-04", "RO-05", "RO-06", "RO-07", "RO-08", "RO-09", "RO-10", "RO-11", "RO-12",
	"DO-02",
	"EX-01",
	"EX-02",
	"CL-01", "CL-02",
	"LO-01", "LO-02",
	"VA-01", "VA-02", "VA-03",
}

var caseOfTest = regexp.MustCompile(`^Test([A-Z]{2})([0-9]{2})_[A-Z]`)

// TestEveryAbuseCaseHasATest looks for functions such as TestON01_ConnectionSwap.
func TestEveryAbuseCaseHasATest(t *testing.T) {
	tested := map[string]bool{}
	for _, file := range sources(t) {
		for _, id := range abuseCases(file) {
			tested[id] = true
		}
	}
	var missing []string
	for _, id := range defended {
		if !tested[id] {
			missing = append(missing, id)
		}
	}
	if missing != nil {
		t.Errorf("no test bears the ID of %s; name one like TestON01_ConnectionSwap", strings.Join(missing, ", "))
	}
}

func abuseCases(file source) []string {
	var ids []string
	for _, declaration := range file.syntax.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !file.isTest() {
			continue
		}
		if m := caseOfTest.FindStringSubmatch(f.Name.Name); m != nil {
			ids = append(ids, m[1]+"-"+m[2])
		}
	}
	return ids
}

func TestAbuseCasesAreSeen(t *testing.T) {
	text := `package x
		func TestON01_ConnectionSwap() {}
		func (s suite) TestON02_Method() {}
		func TestON03() {}
		func testON04_Unexported() {}`
	if got := strings.Join(abuseCases(parseSource(t, "x/x_test.go", text)), " "); got != "ON-01" {
		t.Errorf("in a test file: got %q, want ON-01 alone", got)
	}
	if got := abuseCases(parseSource(t, "x/x.go", text)); got != nil {
		t.Errorf("outside test files: got %q, want none", got)
	}
}

// TestON05_NoPlainChallenge: the client knows no PKCE method but S256 (RFC 7636 section 4.2), so there is nothing to downgrade to.
func TestON05_NoPlainChallenge(t *testing.T) {
	s256 := false
	for _, file := range sources(t) {
		if file.isTest() || file.folder() != "netsuite" {
			continue
		}
		s256 = s256 || sendsS256(file)
		for _, line := range plainLiterals(file) {
			t.Errorf("%s holds the text \"plain\"; the challenge method is S256, always", line)
		}
	}
	if !s256 {
		t.Error("package netsuite sends no S256 challenge")
	}
}

func sendsS256(file source) bool {
	found := false
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		_, ofOAuth2 := selected(n, file.nameOf(oauth2))
		if sel, ok := n.(*ast.SelectorExpr); ok && ofOAuth2 && sel.Sel.Name == "S256ChallengeOption" {
			found = true
		}
		if text, ok := stringLiteral(n); ok && text == "S256" {
			found = true
		}
		return true
	})
	return found
}

func plainLiterals(file source) []string {
	var lines []string
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		if text, ok := stringLiteral(n); ok && strings.EqualFold(strings.TrimSpace(text), "plain") {
			lines = append(lines, file.line(n))
		}
		return true
	})
	return lines
}

func stringLiteral(n ast.Node) (string, bool) {
	literal, ok := n.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
