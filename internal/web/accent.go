package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

// Contrast that WCAG 2.2 asks for: success criteria 1.4.3 (text) and 1.4.11 (parts of controls).
const (
	textContrast    = 4.5
	controlContrast = 3.0
)

// defaultAccent stands on pages that belong to no app.
const defaultAccent = "#0b6b4f"

// ground holds the backgrounds of static/wizard.css on which the accent appears, for one colour scheme.
type ground struct {
	page, card, todo colour
	// toward is where an accent goes that does not stand out: darker on light ground, lighter on dark ground.
	toward colour
}

var (
	lightGround = ground{page: rgb(0xf5f6f4), card: rgb(0xffffff), todo: rgb(0xfdf4e3), toward: black}
	darkGround  = ground{page: rgb(0x121517), card: rgb(0x1b1f22), todo: rgb(0x2f2613), toward: white}
)

// Theme is the style sheet of an app's accent, "#0b6b4f" or "#0b6": the custom properties that static/wizard.css uses.
// Text on the accent and in the accent reaches 4.5:1 on each of our backgrounds, the edges of buttons and other lines 3:1, in light and dark.
// An accent that is not such a colour gives the theme of our own.
func Theme(accent string) string {
	c, err := parseColour(accent)
	if err != nil {
		c, _ = parseColour(defaultAccent)
	}
	return ":root{" + shadesOn(lightGround, c).properties() + "}\n" +
		"@media (prefers-color-scheme:dark){:root{" + shadesOn(darkGround, c).properties() + "}}\n"
}

// shades of one accent on one ground.
type shades struct {
	button, on colour // the main button and its label; its edge is line
	text       colour // links and words
	line       colour // borders, progress, focus rings
	wash       colour // a breath of the accent; decoration only
}

func (s shades) properties() string {
	return fmt.Sprintf("--accent:%s;--on-accent:%s;--accent-text:%s;--accent-line:%s;--accent-wash:%s", s.button, s.on, s.text, s.line, s.wash)
}

func shadesOn(g ground, accent colour) shades {
	line := accent.until(g.toward, controlContrast, g.card, g.page, g.todo)
	button := accent // a pale one is framed by the line
	if g.toward == white {
		button = line // on dark ground a dark one would look switched off
	}
	return shades{
		button: button,
		on:     labelOn(button),
		text:   accent.until(g.toward, textContrast, g.card, g.page, g.todo),
		line:   line,
		wash:   g.card.mix(accent, 0.12),
	}
}

// labelOn is white where white can be read, else the darkest shade of the button itself. One of white and black always
// reaches 4.5:1, as their contrasts to any colour multiply to 21.
func labelOn(button colour) colour {
	if contrast(white, button) >= textContrast {
		return white
	}
	if tinted := button.mix(black, 0.88); contrast(tinted, button) >= textContrast {
		return tinted
	}
	return black
}

// colour is an sRGB colour.
type colour struct{ r, g, b uint8 }

var black, white = colour{}, colour{255, 255, 255}

func rgb(value uint32) colour {
	return colour{uint8(value >> 16), uint8(value >> 8), uint8(value)}
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

func parseColour(s string) (colour, error) {
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	value, err := strconv.ParseUint(digits, 16, 32)
	if !ok || len(digits) != 6 || err != nil {
		return colour{}, broker.Errorf(broker.CodeInvalid, "colour must be written as #rgb or #rrggbb; got %.20q", s)
	}
	return rgb(uint32(value)), nil
}

// mix goes from c towards other by share, 0 to 1.
func (c colour) mix(other colour, share float64) colour {
	between := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return colour{between(c.r, other.r), between(c.g, other.g), between(c.b, other.b)}
}

// until goes towards the goal only as far as the contrast to every background needs.
func (c colour) until(goal colour, ratio float64, backgrounds ...colour) colour {
	for percent := range 100 {
		shade := c.mix(goal, float64(percent)/100)
		enough := true
		for _, b := range backgrounds {
			enough = enough && contrast(shade, b) >= ratio
		}
		if enough {
			return shade
		}
	}
	return goal
}

// contrast is the contrast ratio of WCAG 2.2, 1 to 21.
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}
