package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Shape says of a JSON text which keys it has and what kinds of value stand there, in lines such as "$.items[].id string". All
// elements of an array count as one; a place with values of several kinds has several lines.
func Shape(body []byte) ([]string, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	lines := map[string]bool{}
	shape(lines, "$", v)
	return slices.Sorted(maps.Keys(lines)), nil
}

func shape(lines map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		lines[at+" object"] = true
		for key, value := range v {
			shape(lines, at+"."+key, value)
		}
	case []any:
		lines[at+" array"] = true
		for _, value := range v {
			shape(lines, at+"[]", value)
		}
	case string:
		lines[at+" string"] = true
	case float64:
		lines[at+" number"] = true
	case bool:
		lines[at+" boolean"] = true
	case nil:
		lines[at+" null"] = true
	}
}

// Difference compares the shape of an answer with the one recorded: what is missing, and, unless the record is abridged, what
// is too much. Both may be empty or no JSON, which is then the same for both. It returns "" when there is none.
func Difference(got, recorded string, abridged bool) string {
	want, err := Shape([]byte(recorded))
	have, gotErr := Shape([]byte(got))
	switch {
	case (got == "") != (recorded == ""):
		return fmt.Sprintf("one body is empty: got %.80q, recorded %.80q", got, recorded)
	case (err == nil) != (gotErr == nil):
		return fmt.Sprintf("one body is no JSON: got %.80q, recorded %.80q", got, recorded)
	}
	var lines []string
	for _, l := range want {
		if !slices.Contains(have, l) {
			lines = append(lines, "missing: "+l)
		}
	}
	for _, l := range have {
		if !abridged && !slices.Contains(want, l) {
			lines = append(lines, "too much: "+l)
		}
	}
	return strings.Join(lines, "\n")
}
