package netsuite

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const hidden = "the-hidden-text"

type holder struct {
	Open   Secret
	closed Secret
	deep   map[string][]*Secret
}

func TestSecretCannotBePrinted(t *testing.T) {
	s := NewSecret(hidden)
	h := holder{s, s, map[string][]*Secret{"k": {&s}}}
	token := Token{AccessToken: s, RefreshToken: s}
	for _, value := range []any{s, &s, []Secret{s}, map[string]Secret{"k": s}, h, &h, token, &token, fmt.Errorf("wrapped %v", s), CodeGrant{ClientSecret: s}, API{Token: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
			args := []any{value}
			if strings.HasPrefix(verb, "%T") {
				args = append(args, value)
			}
			if out := fmt.Sprintf(verb, args...); leaks(out) {
				t.Errorf("%s of %T prints the secret: %s", verb, value, out)
			}
		}
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("message", "value", value)
		}
		if leaks(log.String()) {
			t.Errorf("slog of %T prints the secret: %s", value, log.String())
		}
	}
}

func TestSecretCannotBeEncoded(t *testing.T) {
	s := NewSecret(hidden)
	asJSON, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": holder{Open: s}, "d": map[string]Secret{"k": s}})
	if err != nil || leaks(string(asJSON)) || strings.Count(string(asJSON), redacted) != 4 {
		t.Errorf("JSON is %s, %v; want four masks", asJSON, err)
	}
	asXML, err := xml.Marshal(holder{Open: s})
	if err != nil || leaks(string(asXML)) {
		t.Errorf("XML is %s, %v; want a mask", asXML, err)
	}
	var asGob bytes.Buffer
	if err := gob.NewEncoder(&asGob).Encode(s); err != nil || leaks(asGob.String()) {
		t.Errorf("gob is %q, %v; want a mask", asGob.String(), err)
	}
	if s.String() != redacted || s.GoString() != redacted {
		t.Errorf("String = %q, GoString = %q; want the mask", s.String(), s.GoString())
	}
	if text, err := s.MarshalText(); err != nil || string(text) != redacted {
		t.Errorf("MarshalText = %q, %v; want the mask", text, err)
	}
}

func leaks(out string) bool {
	hex := fmt.Sprintf("%x", hidden)
	return strings.Contains(out, hidden) || strings.Contains(strings.ToLower(out), hex)
}

func TestSecretRevealAndEqual(t *testing.T) {
	var zero Secret
	if zero.Reveal() != "" || !zero.IsZero() || !NewSecret("").IsZero() || NewSecret("x").IsZero() {
		t.Error("IsZero or Reveal of an empty secret is wrong")
	}
	if got := NewSecret(hidden).Reveal(); got != hidden {
		t.Errorf("Reveal = %q, want %q", got, hidden)
	}
	if !NewSecret(hidden).Equal(NewSecret(hidden)) || NewSecret(hidden).Equal(NewSecret(hidden+"x")) || !zero.Equal(NewSecret("")) {
		t.Error("Equal does not compare the texts")
	}
}
