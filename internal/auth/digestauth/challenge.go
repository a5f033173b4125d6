package digestauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// find returns the first usable digest challenge of an answer with a SHA-2 algorithm. Without one,
// it returns the first usable challenge; nil if the answer has none.
//
// A server may send several challenges, of several schemes, in one header line or in several
// (RFC 9110, section 11.6.1).
func find(header http.Header) *digest.Challenge {
	var found *digest.Challenge
	for _, line := range header.Values("WWW-Authenticate") {
		for _, c := range challenges(line) {
			switch {
			case c.Nonce == "" || !usable(c):
			case found == nil, isMD5(found) && !isMD5(c):
				found = c
			}
		}
	}
	return found
}

func isMD5(c *digest.Challenge) bool {
	return c.Algorithm == "" || strings.EqualFold(c.Algorithm, "MD5")
}

// usable reports whether this client can answer a challenge, and reduces its qop values to the one
// to use. It ignores unknown values (RFC 7616, section 3.3), and prefers "auth", which does not
// hash the body.
func usable(c *digest.Challenge) bool {
	if len(c.QOP) > 0 {
		known := ""
		for _, qop := range []string{"auth", "auth-int"} {
			if known == "" && slices.Contains(c.QOP, qop) {
				known = qop
			}
		}
		c.QOP = []string{known}
	}
	return digest.CanDigest(c)
}

// challenges returns the digest challenges of one header line.
func challenges(line string) []*digest.Challenge {
	var all []*digest.Challenge
	var current *digest.Challenge // nil in the challenge of another scheme
	last := ""                    // the name of the last parameter of current
	for _, element := range elements(line) {
		scheme, parameter := split(element)
		if current != nil && last == "qop" && parameter == "" && (scheme == "auth" || scheme == "auth-int") {
			// The rest of a list without quotation marks: qop=auth,auth-int.
			current.QOP = append(current.QOP, scheme)
			continue
		}
		if scheme != "" {
			current, last = nil, ""
			if strings.EqualFold(scheme, "Digest") {
				current = new(digest.Challenge)
				all = append(all, current)
			}
		}
		if current == nil || parameter == "" {
			continue
		}
		name, value, ok := parse(parameter)
		if !ok {
			// Ignore the whole challenge if a part is invalid.
			all, current = all[:len(all)-1], nil
			continue
		}
		set(current, name, value)
		last = name
	}
	return all
}

// elements splits a header line at the commas outside quoted strings.
func elements(line string) []string {
	var all []string
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			all = append(all, line[start:i])
			start = i + 1
		}
	}
	return append(all, line[start:])
}

// split returns the scheme and the parameter of an element: "Digest realm=x" has both,
// "Negotiate" has a scheme, and "nonce=x" has a parameter.
func split(element string) (scheme, parameter string) {
	element = strings.Trim(element, " \t")
	i := strings.IndexAny(element, " \t=\"")
	if i < 0 {
		return element, ""
	}
	rest := strings.TrimLeft(element[i:], " \t")
	if i == 0 || strings.HasPrefix(rest, "=") {
		return "", element
	}
	return element[:i], rest
}

// parse returns the name of a parameter in lower case, and its value without quotation marks.
func parse(parameter string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(parameter, "=")
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	value = strings.TrimLeft(value, " \t")
	if !ok || !strings.HasPrefix(value, `"`) {
		return name, value, ok
	}
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return name, b.String(), i == len(value)-1
		case c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		default:
			b.WriteByte(c)
		}
	}
	return name, "", false // the quoted string has no end
}

// set sets a parameter of a challenge.
func set(c *digest.Challenge, name, value string) {
	switch name {
	case "realm":
		c.Realm = value
	case "domain":
		c.Domain = strings.Fields(value)
	case "nonce":
		c.Nonce = value
	case "opaque":
		c.Opaque = value
	case "algorithm":
		c.Algorithm = value
	case "stale":
		c.Stale = strings.EqualFold(value, "true")
	case "charset":
		c.Charset = value
	case "userhash":
		c.Userhash = strings.EqualFold(value, "true")
	case "qop":
		for qop := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			c.QOP = append(c.QOP, strings.ToLower(qop))
		}
	}
}
