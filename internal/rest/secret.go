package rest

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// Credentials are in no error and no log record, whatever argument they were passed
// as by mistake:
//
//   - an argument that its check refuses is not repeated
//   - an argument with the form of a credential is refused
//   - a call whose arguments contain the client's own credential is refused
//   - a target that looks random and is longer than any id is not shown

var (
	errOwnCredential = errors.New("an argument contains the client's credential")
	errLooksSecret   = errors.New("has the form of a credential")
)

// own reports whether a text contains one of the secrets of a configuration, as it is
// or as a URL has it. It returns nil if there is none to look for.
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
			// A secret that is a word of the API itself is none that can be looked for.
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

// holds reports whether a body contains a text, without an allocation for the text.
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

// credentialPrefixes are how texts begin that are credentials, or have one behind it.
var credentialPrefixes = [...]string{"mdb_sa_sk_", "Bearer ", "APIToken ", "Basic ", "Digest "}

// isCredential reports whether a text has a form that credentials have, and that no id
// or name has: PEM, a JWT, an Authorization, a client secret of Atlas.
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

// longestID is the length from which on a random text is taken for a secret. The
// longest random ids of the providers are UUIDs, which have 32 digits between hyphens.
const longestID = 32

// shown returns a target as errors and log records have it.
func shown(target string) string {
	if isCredential(target) || random(target) {
		return redacted
	}
	return target
}

// Shown returns a target as errors may have it that no call was made about: without a
// credential that was passed by mistake.
func (c *Client) Shown(target string) string {
	if c.leaks != nil && c.leaks(&Call{Target: target}) {
		return redacted
	}
	return shown(target)
}

// random reports whether a text has a part that looks like a token: long, of letters in
// both cases and digits that change more often than they do in words, or a long number
// of hexadecimal digits.
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

// classOf returns 1 for a small letter, 2 for a capital one, 3 for a digit and 0 for
// what separates words. The signs of base64 count as digits.
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
