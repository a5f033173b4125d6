package fleet

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/offboard-dev/offboard-go/internal/printable"
)

// Limits of the texts of a decision in bytes: the history of a workflow contains them.
const (
	maxBy     = 200
	maxReason = 1000
)

// person returns the form of a person's name that is compared with others: without case, characters that
// people cannot see, and forms of characters, and with single spaces.
func person(name string) string {
	name = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, name)
	name = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	return strings.Join(strings.Fields(name), " ")
}

// visible reports whether a name has a character that people can see.
func visible(name string) bool {
	return strings.ContainsFunc(person(name), func(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) })
}

// invisible reports whether a character has no glyph, also as a control or format character or a variation
// selector. White space is not invisible.
func invisible(r rune) bool {
	return printable.Invisible(r) || unicode.IsControl(r) && !unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}
