package web

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestThemeContrast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		accent := rgb(rapid.Uint32Range(0, 0xffffff).Draw(t, "accent"))
		checkShades(t, accent)
	})
	for _, accent := range []uint32{0x000000, 0xffffff, 0x777777, 0x767676, 0xffff00, 0x0000ff, 0xff0000, 0x00bb66, 0xf5f6f4, 0x121517} {
		checkShades(t, rgb(accent))
	}
}

func checkShades(t interface {
	Errorf(string, ...any)
}, accent colour,
) {
	for name, g := range map[string]ground{"light": lightGround, "dark": darkGround} {
		s := shadesOn(g, accent)
		if got := contrast(s.on, s.button); got < textContrast {
			t.Errorf("%s on %s ground: label %s on button %s has contrast %.2f, want %.1f", accent, name, s.on, s.button, got, textContrast)
		}
		for _, background := range []colour{g.card, g.page, g.todo} {
			if got := contrast(s.text, background); got < textContrast {
				t.Errorf("%s on %s ground: text %s on %s has contrast %.2f, want %.1f", accent, name, s.text, background, got, textContrast)
			}
			if got := contrast(s.line, background); got < controlContrast {
				t.Errorf("%s on %s ground: line %s on %s has contrast %.2f, want %.1f", accent, name, s.line, background, got, controlContrast)
			}
		}
		if got := contrast(s.text, s.wash); got < controlContrast {
			t.Errorf("%s on %s ground: mark %s on wash %s has contrast %.2f, want %.1f", accent, name, s.text, s.wash, got, controlContrast)
		}
	}
}

func TestContrastIsWCAG(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b     colour
		from, to float64
	}{
		{black, white, 20.99, 21.01},
		{white, white, 0.999, 1.001},
		{rgb(0x767676), white, 4.54, 4.55}, // the lightest grey that may be text on white
		{rgb(0x777777), white, 4.47, 4.48},
	} {
		if got := contrast(test.a, test.b); got < test.from || got > test.to {
			t.Errorf("contrast(%s, %s) = %.3f, want %.3f to %.3f", test.a, test.b, got, test.from, test.to)
		}
	}
}

// The style sheet and the computation must speak of the same backgrounds and the same default.
func TestStyleSheetAgreesWithAccent(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("static/wizard.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("wizard.css has no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "\n}\n")
	accent, err := parseColour(defaultAccent)
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []struct {
		name, css string
		g         ground
	}{{"light", light, lightGround}, {"dark", dark, darkGround}} {
		for _, want := range []string{
			"--page: " + scheme.g.page.String(), "--card: " + scheme.g.card.String(), "--todo-wash: " + scheme.g.todo.String(),
			shadesOn(scheme.g, accent).properties(),
		} {
			if !strings.Contains(scheme.css, want) {
				t.Errorf("wizard.css, %s scheme, lacks %q", scheme.name, want)
			}
		}
	}
}

func TestThemeOfBadAccentIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, accent := range []string{"", "red", "#", "#12", "#1234", "#gggggg", "0b6b4f", "red;}body{display:none", "#0b6b4f;}*{color:red", "#+fffff", strings.Repeat("#", 9999)} {
		if got := Theme(accent); got != Theme(defaultAccent) {
			t.Errorf("Theme(%.30q) = %q, want the default theme", accent, got)
		}
	}
	if got, want := Theme("#0b6"), Theme("#00bb66"); got != want {
		t.Errorf("Theme of the short form = %q, want %q", got, want)
	}
}
