package netsuitetest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/suitekey/suitekey/wire"
)

// TestWireExamples: what the emulator answers to a recorded request has the shape of the recorded answer: the status, the
// names of its headers, and the keys and kinds of its JSON.
func TestWireExamples(t *testing.T) {
	t.Parallel()
	examples, err := wire.Examples()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range examples {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, x.Notes["settings"])
			got := s.answerTo(x)
			complain := func(format string, args ...any) {
				t.Helper()
				t.Errorf("wire/examples/%s.http, source %s: "+format, append([]any{x.Name, x.Notes["source"]}, args...)...)
			}
			if got.status != x.Status {
				complain("status %d, recorded %d; body %s", got.status, x.Status, got.body)
			}
			for name := range x.AnswerHeader {
				if len(got.header.Values(name)) == 0 {
					complain("the header %s is missing", name)
				}
			}
			if want := x.AnswerHeader.Get("Location"); want != "" && !slices.Equal(parameters(got.header.Get("Location")), parameters(want)) {
				complain("Location %s, recorded %s", got.header.Get("Location"), want)
			}
			if diff := wire.Difference(got.body, x.AnswerBody, x.Notes["abridged"] != ""); diff != "" {
				complain("the body differs\n%s\n%s", diff, got.body)
			}
		})
	}
}

// answerTo is the emulator's answer; to an example without a request, it is the payload of the token that the example names.
func (s *stage) answerTo(x wire.Exchange) page {
	s.t.Helper()
	if x.Method != "" {
		_, p := s.play(x)
		return p
	}
	parts := strings.Split(s.must(x.Notes["token"]), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		s.t.Fatal(err)
	}
	return page{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: string(payload)}
}

var parameterName = regexp.MustCompile(`[?&]([^=&]+)=`)

// parameters are the address of a Location without its numbers, and the names of its parameters in their order.
func parameters(location string) []string {
	u, err := url.Parse(location)
	if err != nil {
		return []string{err.Error()}
	}
	names := []string{strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "0123456789")}
	for _, m := range parameterName.FindAllStringSubmatch(location, -1) {
		names = append(names, m[1])
	}
	return names
}
