package rest

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// No error and no log record contains a credential that was passed as an argument by mistake:
//
//   - The text of an error does not contain a refused argument.
//   - An argument with the form of a credential is refused.
//   - A call whose arguments contain the client's own credential is refused.
//   - A random target that is longer than an ID is not shown.

var (
	errOwnCredential = errors.New("an argument must not contain the credential of the client")
	errLooksSecret   = errors.New("must not have the form of a credential")
)

// own returns a function that reports whether a call contains one of the secrets, unchanged or
// escaped for a URL; nil if all secrets are too short.
func own(secrets []string) func(*Call) bool {
	var forms []string
	for _, secret := range secrets {
		if len(secret) < shortestSecret {
			continue
		}
		for _, form := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
			if len(forms) == 0 || forms[len(forms)-1] != form {
				forms = append(forms, form)
			}
		}
	}
	if len(forms) == 0 {
		return nil
	}
	return func(c *Call) bool {
		for _, form := range forms {
			// The path of an operation may contain the text of a secret.
			if strings.Contains(c.path, form) && !strings.Contains(c.Path, form) ||
				strings.Contains(c.query, form) || holds(c.body, form) || strings.Contains(c.Target, form) {
				return true
			}
			for _, values := range c.header {
				for _, value := range values {
					if strings.Contains(value, form) {
						return true
					}
				}
			}
		}
		return false
	}
}

// holds reports whether a body contains a text. It does not allocate.
func holds(body []byte, text string) bool {
	for len(body) >= len(text) {
		i := bytes.IndexByte(body[:len(body)-len(text)+1], text[0])
		if i < 0 {
			return false
		}
		if string(body[i:i+len(text)]) == text {
			return true
		}
		body = body[i+1:]
	}
	return false
}

// contains reports whether a text contains one of the secrets.
func contains(text string, secrets []string) bool {
	leaks := own(secrets)
	return leaks != nil && leaks(&Call{path: text})
}

// credentialPrefixes are the prefixes of credentials.
var credentialPrefixes = [...]string{"mdb_sa_sk_", "Bearer ", "APIToken ", "Basic ", "Digest "}

// isCredential reports whether a text has the form of a credential that no ID or name has: PEM,
// a JWT, an Authorization, a client secret of Atlas.
func isCredential(s string) bool {
	if len(s) < 16 {
		return false
	}
	for _, prefix := range credentialPrefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") >= 2 ||
		strings.IndexByte(s, '-') >= 0 && strings.Contains(s, "-----BEGIN ")
}

// longestID is the length of the shortest random text that is treated as a secret. The longest
// random IDs of the providers are UUIDs, which have 32 digits between hyphens.
const longestID = 32

// shown returns a target for errors and log records.
func shown(target string) string {
	if isCredential(target) || random(target) {
		return redacted
	}
	return target
}

// Shown returns a target for errors and log records, without a credential that was passed by
// mistake.
func (c *Client) Shown(target string) string {
	if c.leaks != nil && c.leaks(&Call{Target: target}) {
		return redacted
	}
	return shown(target)
}

// random reports whether a part of a text has the form of a token: a long text with more changes
// between upper case, lower case and digits than words have, or a long hexadecimal number.
func random(s string) bool {
	if len(s) < longestID {
		return false
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return classOf(r) == 0 }) {
		if len(part) < longestID {
			continue
		}
		var count [4]int
		changes, last, hex := 0, 0, true
		for _, r := range part {
			class := classOf(r)
			count[class]++
			if class != last {
				changes++
			}
			last = class
			hex = hex && (r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F')
		}
		mixed := count[1] > 0 && count[2] > 0 && count[3] > 0 && changes*5 >= len(part)*2
		if mixed || hex && count[3] > 0 && count[3] < len(part) {
			return true
		}
	}
	return false
}

// classOf returns 1 for a lower-case letter, 2 for an upper-case letter, 3 for a digit, and 0 for
// a character that separates words. The other characters of base64 count as digits.
func classOf(r rune) int {
	switch {
	case r >= 'a' && r <= 'z':
		return 1
	case r >= 'A' && r <= 'Z':
		return 2
	case r >= '0' && r <= '9', r == '_', r == '+', r == '=':
		return 3
	}
	return 0
}
