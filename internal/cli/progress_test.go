package cli

import (
	"bytes"
	"testing"
)

// A person at a terminal sees how far a long answer is; nothing is left of it in the end, and programs see none of it.
func TestProgress(t *testing.T) {
	var screen bytes.Buffer
	p := &progress{out: &screen}
	p.pages(1000, 250000)
	p.pages(2000, 250000)
	p.clear()
	if got, want := screen.String(), "\r\x1b[K1000 of 250000 rows (0 %)\r\x1b[K2000 of 250000 rows (0 %)\r\x1b[K"; got != want {
		t.Errorf("the terminal got %q, want %q", got, want)
	}
	var log bytes.Buffer
	silent := (&env{stderr: &log, stdout: &log}).progress() // no terminals
	silent.pages(1000, 2000)
	silent.clear()
	if log.Len() > 0 {
		t.Errorf("a program got %q", log.String())
	}
}
