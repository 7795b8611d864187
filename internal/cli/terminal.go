package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/suitekey/suitekey/internal/broker"
)

// terminal reports whether a person reads or writes there.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// say tells people what goes on, on stderr.
func (e *env) say(text string, args ...any) {
	if !e.quiet {
		_, _ = fmt.Fprintf(e.stderr, text+"\n", args...)
	}
}

// coloured reports whether a stream takes colours: a terminal whose person has not said no (https://no-color.org).
func (e *env) coloured(stream any) bool {
	return terminal(stream) && !e.noColor && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
}

// confirm asks before something that cannot be undone. Without a terminal nobody is asked: --yes says it beforehand.
func (e *env) confirm(what string) error {
	if e.yes {
		return nil
	}
	if !terminal(e.stdin) {
		return broker.Errorf(broker.CodeInvalid, "%s needs a yes, and there is no terminal to ask at", what).WithDo("Give --yes if that is meant.")
	}
	_, _ = fmt.Fprintf(e.stderr, "%s. Go on? [y/N] ", what)
	line, err := bufio.NewReader(e.stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return context.Canceled
	}
	return nil
}
