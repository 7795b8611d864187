package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggestion says what may stand in place of an unknown key.
func suggestion(key string, fields map[string]int) string {
	known := slices.Sorted(maps.Keys(fields))
	if len(known) == 0 {
		return "no keys are allowed here"
	}
	all := "the keys here are " + strings.Join(known, ", ")
	if near := Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q? (%s)", near, all)
	}
	return all
}

// Nearest returns the word of known that takes the fewest changed letters to become word, or "" when none is like it: when more
// than half of the longer one would have to change.
func Nearest(word string, known []string) string {
	const longest = 100 // the effort grows with the product of the lengths, and no key is that long
	if len(word) > longest {
		return ""
	}
	best, least := "", len(word)+longest
	for _, k := range known {
		changes := distance([]rune(word), []rune(k))
		if changes < least && changes <= max(len(word), len(k))/2 {
			best, least = k, changes
		}
	}
	return best
}

// distance is Levenshtein's: how many letters must be inserted, removed or replaced.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			replaced := diagonal
			if x != y {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
