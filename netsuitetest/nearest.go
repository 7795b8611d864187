package netsuitetest

import "strings"

// suggest says what may stand in place of an unknown word: the nearest known one, and all if they are few.
func suggest(word string, known []string) string {
	const few = 16
	near, all := nearest(word, known), "use one of "+strings.Join(known, ", ")
	switch {
	case near == "":
		return all
	case len(known) > few:
		return "did you mean " + near + "?"
	}
	return "did you mean " + near + "? (" + all + ")"
}

// nearest is the known word that the fewest changed letters make of word; "" when more than half would have to change.
func nearest(word string, known []string) string {
	const longest = 100 // the effort grows with the product of the lengths, and no known word is that long
	if len(word) > longest {
		return ""
	}
	best, fewest := "", len(word)+longest
	for _, k := range known {
		if n := editDistance(word, k); n < fewest && n <= max(len(word), len(k))/2 {
			best, fewest = k, n
		}
	}
	return best
}

// editDistance is Levenshtein's: letters to insert, remove or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
