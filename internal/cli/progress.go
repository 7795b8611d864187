package cli

import (
	"fmt"
	"io"
)

// progress is one line on a terminal that tells how far a long work is; elsewhere it is silent.
type progress struct {
	out   io.Writer // nil: nobody looks
	shown bool
}

func (e *env) progress() *progress {
	if e.quiet || !terminal(e.stderr) || terminal(e.stdout) {
		return &progress{} // rows that run over the same terminal are progress enough
	}
	return &progress{out: e.stderr}
}

// pages is called with each page of an answer.
func (p *progress) pages(rows, total int) {
	if total > 0 {
		p.set(fmt.Sprintf("%d of %d rows (%d %%)", rows, total, 100*rows/total))
	}
}

func (p *progress) set(text string) {
	if p.out == nil {
		return
	}
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	p.shown = true
}

func (p *progress) clear() {
	if p.shown {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
