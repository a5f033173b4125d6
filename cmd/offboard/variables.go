package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// ownPrefix starts the names of variables that a manifest may name for any provider.
const ownPrefix = "OFFBOARD_"

// variableName is the form of environment variables in a manifest.
var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// variableFault is a fault of an entry's credentials. The text repeats nothing of the
// manifest: the value may be a secret that was written there by mistake.
type variableFault struct {
	key  string // the usual variable; "" if the provider does not read it
	text string
}

func (f *variableFault) Error() string { return f.text }

// variableFault returns the first fault of the credentials of an entry, or nil. The
// rule about names protects from a manifest or a plan file of an attacker, which could
// otherwise send the value of any variable to any base URL.
func (p provider) variableFault(credentials map[string]string) *variableFault {
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		if !slices.Contains(p.variables, key) {
			return &variableFault{"", fmt.Sprintf("%s does not read this variable: use %s", p.name, list(p.variables))}
		}
		switch name := credentials[key]; {
		case name == "":
			return &variableFault{key, "the name of the environment variable is missing"}
		case !p.mayRead(name):
			return &variableFault{key, fmt.Sprintf("%s must name an environment variable that starts with %s, in capital letters, digits and underscores: a manifest contains no credential",
				key, alternatives(append(slices.Clone(p.prefixes), ownPrefix)))}
		}
	}
	return nil
}

// mayRead reports whether a manifest may name a variable for this provider.
func (p provider) mayRead(name string) bool {
	return variableName.MatchString(name) &&
		slices.ContainsFunc(append(slices.Clone(p.prefixes), ownPrefix), func(prefix string) bool {
			return len(name) > len(prefix) && strings.HasPrefix(name, prefix)
		})
}

// alternatives lists names as "A, B or C".
func alternatives(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return list(names)
	}
	return list(names[:last]) + " or " + names[last]
}

// keyFiles returns the files that credentials are read from: the usual ones, and those that
// entries name in place of them.
func keyFiles(entries ...entry) []fileUse {
	var files []fileUse
	for _, p := range providers {
		for _, variable := range p.files {
			names := []string{variable}
			for _, e := range entries {
				if other := e.Credentials[variable]; e.Provider == p.name && other != "" {
					names = append(names, other)
				}
			}
			for _, name := range names {
				if file := os.Getenv(name); file != "" {
					files = append(files, fileUse{as: "the file of " + variable, name: file})
				}
			}
		}
	}
	return files
}
