// Package spelling finds the known name that a misspelled one is about.
package spelling

import "strings"

// Nearest returns the known name that a text most probably means; "" for none. The texts differ
// by at most two letters that are changed, added or missing, and short ones by at most one.
func Nearest(text string, known []string) string {
	nearest, least := "", 3
	for _, name := range known {
		limit := 2
		if len(name) < 5 {
			limit = 1
		}
		if len(text) > len(name)+limit {
			continue
		}
		if d := Distance(strings.ToLower(text), strings.ToLower(name)); d <= limit && d < least {
			nearest, least = name, d
		}
	}
	return nearest
}

// Hint returns the end of an error about an unknown name: "; did you mean NAME?", or "". It
// does not repeat the text, which may be a secret.
func Hint(text string, known []string) string {
	if name := Nearest(text, known); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// Distance returns the number of letters that are changed, added or missing.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
