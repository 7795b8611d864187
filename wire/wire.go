// Package wire holds what NetSuite says on the wire: recorded exchanges, each with its source. The tests of the client read
// the answers of the folder examples, and those of the emulator must give answers of the same shape, so that both are held
// against one truth that neither of them wrote.
//
// Examples is what most tests call; Parse reads the same form from elsewhere. The values are made up where a live account's
// would tell something about its owner; what counts is status, header names, and the keys and kinds of the JSON.
//
// Nothing here knows the client or the emulator, and no program links it: it is for tests.
package wire

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"
)

//go:embed examples/*.http
var files embed.FS

// Marks say how good a source is.
var marks = map[string]string{
	"O": "Oracle's help or blog",
	"W": "seen on the wire",
	"C": "what public clients' code reads or sends",
	"T": "third-party text",
	"I": "inference",
}

// Examples are the recorded exchanges, in the order of their file names. Each has the notes source, mark (O, W, C, T or I)
// and call, the name of the call that it shows. The error names the file that breaks the form.
var Examples = sync.OnceValues(readExamples)

func readExamples() ([]Exchange, error) {
	entries, err := files.ReadDir("examples")
	if err != nil {
		return nil, err
	}
	all := make([]Exchange, len(entries))
	for i, e := range entries {
		if all[i], err = readExample(e.Name()); err != nil {
			return nil, fmt.Errorf("wire example %s: %w", e.Name(), err)
		}
	}
	return all, nil
}

func readExample(name string) (Exchange, error) {
	text, err := files.ReadFile(path.Join("examples", name))
	if err != nil {
		return Exchange{}, err
	}
	found, err := Parse(string(text))
	if err != nil {
		return Exchange{}, err
	}
	if len(found) != 1 {
		return Exchange{}, fmt.Errorf("want one exchange in a file, have %d", len(found))
	}
	x := found[0]
	x.Name = strings.TrimSuffix(name, ".http")
	for _, note := range []string{"source", "mark", "call"} {
		if x.Notes[note] == "" {
			return Exchange{}, fmt.Errorf("the note %q is missing", note)
		}
	}
	if marks[x.Notes["mark"]] == "" {
		return Exchange{}, fmt.Errorf("the mark must be O, W, C, T or I, not %q", x.Notes["mark"])
	}
	return x, nil
}
