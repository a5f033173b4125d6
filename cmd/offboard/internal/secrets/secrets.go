// Package secrets recognizes credentials and hides texts that may be secrets.
//
// A person may pass a secret by mistake as any argument, flag or field of a manifest. The
// program therefore prints a given value only if it has the form of an ID, or after a
// provider has confirmed it. Errors name the argument, the flag or the line instead, and list
// the accepted values.
package secrets

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/providers"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/spelling"
)

// credentialForm matches texts that have the form of a credential and are not names.
var credentialForm = regexp.MustCompile(`-----BEGIN |^\s*\{|^eyJ[\w-]*\.|mdb_sa_sk_|(?i)^(bearer|basic|digest|apitoken)\s|[\r\n]`)

// secretWord matches a word that may be a token: letters and digits without a space.
var secretWord = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)

// LooksLikeToken reports whether a text contains a word that looks like a token.
func LooksLikeToken(text string) bool {
	if credentialForm.MatchString(text) {
		return true
	}
	for _, word := range secretWord.FindAllString(text, -1) {
		if strings.IndexFunc(word, unicode.IsDigit) >= 0 && strings.IndexFunc(word, unicode.IsLetter) >= 0 {
			return true
		}
	}
	return false
}

// ownCredential returns the variable whose value is in a text; "" for none.
func ownCredential(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	for _, p := range providers.All {
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			if strings.HasSuffix(variable, "_URL") || slices.Contains(p.Files, variable) {
				continue
			}
			value := strings.TrimSpace(os.Getenv(variable))
			if value != "" && (value == text || len(value) >= 16 && strings.Contains(text, value)) {
				return variable
			}
		}
	}
	return ""
}

// Fault returns why a text is refused because it is a credential; "" if nothing shows
// that.
func Fault(text string) string {
	if variable := ownCredential(text); variable != "" {
		return "the value is that of " + variable
	}
	if credentialForm.MatchString(text) {
		return "the value has the form of a credential"
	}
	return ""
}

// Misspelled reports whether a text differs from a known name by at most two letters that are
// changed, added or missing. Such a text is no secret and may be shown.
func Misspelled(text string, known []string) bool {
	return slices.ContainsFunc(known, func(name string) bool {
		return len(name) >= 5 && len(text) <= len(name)+2 && spelling.Distance(text, name) <= 2
	})
}
