// Package secrets recognizes credentials and hides texts that may be secrets.
//
// A person may pass a secret by mistake as any argument, flag or field of a manifest. The
// program therefore prints a given value only if it has the form of an ID, or after a
// provider has confirmed it. Errors name the argument, the flag or the line instead, and list
// the accepted values. An exception is the name of a file, which people need to find a mistake in
// it: it is printed unless it looks like a credential.
package secrets

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// credentialForm matches texts that have the form of a credential and are not names: one with the
// start of a key or of a JSON object, and one of several lines.
var credentialForm = regexp.MustCompile(`-----BEGIN |^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:|^eyJ[\w-]*\.|mdb_sa_sk_|[\r\n]`)

// authorization matches a scheme of the header Authorization and the text after it.
var authorization = regexp.MustCompile(`(?i)^\s*(?:bearer|basic|digest|apitoken)\s+(.*)$`)

// schemeToken matches a text that is a credential after a scheme. After a scheme, a plain word such
// as that of the name Basic Fit is none.
var schemeToken = regexp.MustCompile(`^[A-Za-z0-9+/_.~-]{16,}=*\s*$`)

// isCredential reports whether a text has the form of a credential and is no name.
func isCredential(text string) bool {
	if credentialForm.MatchString(text) {
		return true
	}
	after := authorization.FindStringSubmatch(text)
	return after != nil && (schemeToken.MatchString(after[1]) || LooksLikeToken(after[1]))
}

// secretWord matches a word that may be a token: letters and digits without a space.
var secretWord = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)

// LooksLikeToken reports whether a text contains a word that looks like a token.
func LooksLikeToken(text string) bool {
	if isCredential(text) {
		return true
	}
	for _, word := range secretWord.FindAllString(text, -1) {
		if strings.IndexFunc(word, unicode.IsDigit) >= 0 && strings.IndexFunc(word, unicode.IsLetter) >= 0 {
			return true
		}
	}
	return false
}

// extension matches the end of a file name such as plan.json.
var extension = regexp.MustCompile(`[^.]\.[A-Za-z][A-Za-z0-9]{0,6}$`)

// IsInFileName reports whether the name of a file looks like a credential that was given in place
// of it: an element of 16 or more characters without an extension in which letters and digits
// alternate, as in k4tQm7Zt2Wn9Lx5Rb1Vd. A password of words cannot be distinguished from a name.
func IsInFileName(name string) bool {
	if isCredential(name) { // whose token may contain a slash
		return true
	}
	for element := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if isCredential(element) {
			return true
		}
		if len(element) >= 16 && !extension.MatchString(element) && slices.ContainsFunc(alphanumeric.FindAllString(element, -1), alternates) {
			return true
		}
	}
	return false
}

var alphanumeric = regexp.MustCompile(`[A-Za-z0-9]+`)

// alternates reports whether a word changes between letters and digits three times or more.
func alternates(word string) bool {
	changes := 0
	for i := 1; i < len(word); i++ {
		if unicode.IsDigit(rune(word[i])) != unicode.IsDigit(rune(word[i-1])) {
			changes++
		}
	}
	return changes >= 3
}

// ownCredential returns the variable whose value is in a text; "" for none.
func ownCredential(text string, more []string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	for _, variable := range slices.Concat(credentialVariables, more) {
		value := strings.TrimSpace(os.Getenv(variable))
		if value != "" && (value == text || len(value) >= 16 && strings.Contains(text, value)) {
			return variable
		}
	}
	return ""
}

// credentialVariables are the variables that clients read credentials from.
var credentialVariables = func() []string {
	var all []string
	for _, p := range providers.All {
		for _, variable := range slices.Concat(p.Variables, p.Others) {
			if !strings.HasSuffix(variable, "_URL") && !slices.Contains(p.Files, variable) {
				all = append(all, variable)
			}
		}
	}
	return all
}()

// Fault returns why a text is refused because it is a credential; "" if nothing shows
// that. Variables lists other environment variables with credentials.
func Fault(text string, variables ...string) string {
	if variable := ownCredential(text, variables); variable != "" {
		return "the value is that of " + variable
	}
	if isCredential(text) {
		return "the value has the form of a credential"
	}
	return ""
}

// ListedFault returns why an entry of a list of organizations, or the value of a flag with one, is
// refused because it is a credential; "" if nothing shows that. Such a text is sent to the providers
// of all organizations. Variables lists other environment variables with credentials.
func ListedFault(text string, variables ...string) string {
	if fault := Fault(text, variables...); fault != "" {
		return fault
	}
	if !organizationID.MatchString(text) && IsInFileName(text) {
		if isSlug(text) {
			return ""
		}
		return "the value looks like a credential: use the ID of the organization"
	}
	return ""
}

// organizationID matches the IDs of organizations in which letters and digits alternate.
var organizationID = regexp.MustCompile(`^(org_[A-Za-z0-9_]{1,24}|[0-9a-f]{24})$`)

// isSlug reports whether a text is a name in the form of b2b4u-solutions-gmbh: words with a hyphen
// between them, of which at most one, a short one, mixes letters and digits.
func isSlug(text string) bool {
	words, mixed := 0, 0
	parts := strings.Split(text, "-")
	for _, part := range parts {
		switch {
		case slugWord.MatchString(part):
			words++
		case slugNumber.MatchString(part):
		case slugMixed.MatchString(part):
			mixed++
		default:
			return false
		}
	}
	return words >= 1 && mixed <= 1 && len(parts) >= 2
}

var (
	slugWord   = regexp.MustCompile(`^[a-z]{3,16}$`)
	slugMixed  = regexp.MustCompile(`^[a-z0-9]{2,6}$`)
	slugNumber = regexp.MustCompile(`^([0-9]{1,4}|[a-z]{1,2})$`)
)

// Misspelled reports whether a text differs from a known name by at most two letters that are
// changed, added or missing. Such a text is no secret and may be shown.
func Misspelled(text string, known []string) bool {
	return slices.ContainsFunc(known, func(name string) bool {
		return len(name) >= 5 && len(text) <= len(name)+2 && spelling.Distance(text, name) <= 2
	})
}
