package netsuitetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/netsuitetest"
	"github.com/suitekey/suitekey/wire"
)

// This file sets the scene for exchanges that are written down as text, in the folder wire and in testdata/conformance: it
// brings the emulator into the state that a row gives, puts real values in the place of {{names}}, and sends.

// stage is a world for exchanges, with the values that it has made.
type stage struct {
	*world
	values map[string]string
	keys   map[string]key
	logins map[string]tokens // by client ID
}

func newStage(t *testing.T, settings string) *stage {
	t.Helper()
	var s netsuitetest.Settings
	if settings != "" {
		d := json.NewDecoder(strings.NewReader(settings))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("settings %s: %v", settings, err)
		}
	}
	return &stage{world: newWorld(t, s), values: map[string]string{}, keys: map[string]key{}, logins: map[string]tokens{}}
}

// play sets the scene of an exchange, sends its request and returns it, filled, with the answer.
func (s *stage) play(x wire.Exchange) (wire.Exchange, page) {
	s.t.Helper()
	for step := range strings.SplitSeq(x.Notes["given"], ";") {
		if step = strings.TrimSpace(step); step != "" {
			s.give(step)
		}
	}
	filled, err := x.Fill(s.value)
	if err != nil {
		s.t.Fatal(err)
	}
	return filled, s.send(filled)
}

// send sends as a bare client: the names are NetSuite's, the connection is the emulator's.
func (s *stage) send(x wire.Exchange) page {
	s.t.Helper()
	req, err := http.NewRequest(x.Method, "http"+strings.TrimPrefix(x.URL, "https"), strings.NewReader(x.Body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = x.Header
	resp, err := s.client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header, string(body), req.URL}
}

// value is the value of a name, made at its first use. A name is a verb and words for it: "assertion alg=RS256".
func (s *stage) value(name string) (string, error) {
	if v, known := s.values[name]; known {
		return v, nil
	}
	verb, words, _ := strings.Cut(name, " ")
	create := makers[verb]
	if create == nil {
		return "", fmt.Errorf("{{%s}}: no such value; there are %v", name, slices.Sorted(maps.Keys(makers)))
	}
	s.values[name] = create(s, words)
	return s.values[name], nil
}

func (s *stage) must(name string) string {
	s.t.Helper()
	v, err := s.value(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}
