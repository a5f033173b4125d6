package providers

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ownPrefix starts the names of variables that a manifest may name for any provider.
const ownPrefix = "OFFBOARD_"

// variableName is the form of environment variables in a manifest.
var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// VariableFault is a fault of an entry's credentials. The text repeats nothing of the
// manifest: the value may be a secret that was written there by mistake.
type VariableFault struct {
	Key  string // the usual variable; "" if the provider does not read it
	text string
}

func (f *VariableFault) Error() string { return f.text }

// VariableFault returns the first fault of the credentials of an entry, or nil. The
// rule about names protects from a manifest or a plan file of an attacker, which could
// otherwise send the value of any variable to any base URL.
func (p Provider) VariableFault(credentials map[string]string) *VariableFault {
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		if !slices.Contains(p.Variables, key) {
			return &VariableFault{"", fmt.Sprintf("%s does not read this variable: use %s", p.Name, strings.Join(p.Variables, ", "))}
		}
		switch name := credentials[key]; {
		case name == "":
			return &VariableFault{key, "the name of the environment variable is missing"}
		case !p.mayRead(name):
			return &VariableFault{key, fmt.Sprintf("%s must name an environment variable that starts with %s, in capital letters, digits and underscores: a manifest contains no credential",
				key, strings.Join(p.Prefixes, ", ")+" or "+ownPrefix)}
		}
	}
	return nil
}

// mayRead reports whether a manifest may name a variable for this provider.
func (p Provider) mayRead(name string) bool {
	return variableName.MatchString(name) &&
		slices.ContainsFunc(append(slices.Clone(p.Prefixes), ownPrefix), func(prefix string) bool {
			return len(name) > len(prefix) && strings.HasPrefix(name, prefix)
		})
}
