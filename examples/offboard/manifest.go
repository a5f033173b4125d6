package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/offboard-dev/offboard-go/teardown"
)

// manifest is what somebody wants gone, as they write it.
type manifest struct {
	Organizations []entry `yaml:"organizations"`

	// Allow and Deny name, as an entry does, what may be deleted at all, and what never
	// is. Both apply to organizations that are deleted along with another one as well.
	Allow []string `yaml:"allow,omitempty"`
	Deny  []string `yaml:"deny,omitempty"`
}

// entry is one organization of a manifest.
type entry struct {
	Provider     string `yaml:"provider" json:"provider"`
	Organization string `yaml:"organization" json:"organization"`

	// Confirm is the name that the provider has for it; its ID if it has no name.
	Confirm string `yaml:"confirm,omitempty" json:"confirm,omitempty"`

	Override []teardown.Override `yaml:"permit,omitempty" json:"permit,omitempty"`

	BaseURL string `yaml:"base_url,omitempty" json:"base_url,omitempty"`

	// Credentials says which environment variables stand in for the usual ones, by
	// their names, which start with a prefix of the provider or with OFFBOARD_. No
	// credential is in a manifest, nor in a plan.
	Credentials map[string]string `yaml:"credentials,omitempty" json:"credentials,omitempty"`

	// Of volterra only.
	Email    string `yaml:"email,omitempty" json:"email,omitempty"`
	Reason   string `yaml:"reason,omitempty" json:"reason,omitempty"`
	Feedback string `yaml:"feedback,omitempty" json:"feedback,omitempty"`
}

var overrides = []teardown.Override{
	teardown.OwnOrganization, teardown.TerminationProtection, teardown.ManagedOrganizations, teardown.Partial,
}

// manifestExample is in the help, and is read by a test.
const manifestExample = `organizations:
  - provider: katapult            # katapult, zitadel, atlas, workspace or volterra
    organization: org_Fh7dKq2     # its id, or a sub domain
    confirm: Acme Hosting         # what the provider calls it
    permit: [managed_organizations]
  - provider: volterra
    organization: acme-edge-kqzvxwbn
    confirm: acme-edge-kqzvxwbn
    email: owner@example.com      # of the account that is deleted
    base_url: https://acme-edge.console.ves.volterra.io
    credentials:                  # variables to be read in place of the usual ones
      F5XC_API_TOKEN: F5XC_ACME_EDGE_TOKEN
deny: [org_Platform, acme-www]    # never deleted, whatever is asked for; named as above
`

// readManifest reads a manifest. Its errors name the line.
func readManifest(r io.Reader, name string) (*manifest, error) {
	m, _, err := parseManifest(r, name)
	return m, err
}

// parseManifest reads a manifest, and returns its source as well.
func parseManifest(r io.Reader, name string) (*manifest, *source, error) {
	text, err := readText(r, name)
	if err != nil {
		return nil, nil, err
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, nil, located(name, text, err)
	}
	if len(file.Docs) > 1 {
		return nil, nil, fmt.Errorf("%s: there is more than one document", name)
	}
	m := new(manifest)
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(m); err != nil && err != io.EOF {
		return nil, nil, located(name, text, err)
	}
	if len(m.Organizations) == 0 {
		return nil, nil, fmt.Errorf("%s: it names no organizations", name)
	}
	s := &source{name, file}
	return m, s, m.check(s)
}

// at is an error at a value of a manifest, or about what the value is if the manifest was
// not read from a text.
func (s *source) at(path, key, what string, err error) error {
	if s == nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w", s.place(path, key), err)
}

// entryLine is the line of an entry; 0 if it is not known.
func (s *source) entryLine(i int) int {
	if s == nil {
		return 0
	}
	return s.line(fmt.Sprintf("$.organizations[%d]", i), ".organization")
}

// source is a manifest's text, and knows the lines of what is in it.
type source struct {
	name string
	file *ast.File
}

// node finds a value; nil when there is none.
func (s *source) node(path string) ast.Node {
	p, err := yaml.PathString(path)
	if err != nil {
		return nil
	}
	node, err := p.FilterFile(s.file)
	if err != nil {
		return nil
	}
	return node
}

// errorf is an error at a value, or where it is missing in what is around it. It must not
// repeat the value, which may be a secret.
func (s *source) errorf(path, key, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.place(path, key), fmt.Sprintf(format, args...))
}

// resolvedID is the name and the line of a value, or of what is around it.
func (s *source) place(path, key string) string {
	if line := s.line(path, key); line > 0 {
		return fmt.Sprintf("%s:%d", s.name, line)
	}
	return s.name
}

// line is the line of a value, or of what is around it; 0 if it is not known.
func (s *source) line(path, key string) int {
	node := s.node(path + key)
	if node == nil {
		node = s.node(path)
	}
	if node == nil {
		return 0
	}
	token := node.GetToken()
	if mapping, ok := node.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
		token = mapping.Values[0].Key.GetToken() // its own is that of the first colon
	}
	return token.Position.Line
}

// literal refuses a value that YAML takes for something else than its text, such as
// 0123 for 83: it would be another organization.
func (s *source) literal(path, key, value string) error {
	node := s.node(path + key)
	if node == nil || slices.Contains([]ast.NodeType{ast.StringType, ast.LiteralType, ast.NullType}, node.Type()) {
		return nil
	}
	if node.GetToken().Value != value {
		return s.errorf(path, key, "write the value in quotes: YAML reads it as another text")
	}
	return nil
}

// check reports the first thing that is wrong.
func (m *manifest) check(s *source) error {
	type place struct{ provider, organization, baseURL string }
	seen := map[place]int{}
	for i, e := range m.Organizations {
		path := fmt.Sprintf("$.organizations[%d]", i)
		if err := e.check(s, path); err != nil {
			return err
		}
		at := place{e.Provider, e.Organization, e.BaseURL}
		if first, twice := seen[at]; twice {
			return s.errorf(path, ".organization", "the organization is there twice: line %d has it, too", s.entryLine(first))
		}
		seen[at] = i
	}
	for key, ids := range map[string][]string{"allow": m.Allow, "deny": m.Deny} {
		for i, id := range ids {
			path := fmt.Sprintf("$.%s[%d]", key, i)
			if strings.TrimSpace(id) == "" {
				return s.errorf(path, "", "an entry of %s is empty", key)
			}
			if err := s.literal(path, "", id); err != nil {
				return err
			}
		}
	}
	if len(m.Allow) == 0 && s.node("$.allow") != nil {
		return s.errorf("$.allow", "", "allow names no organizations: nothing could be deleted")
	}
	return nil
}

func (e *entry) check(s *source, path string) error {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == e.Provider })
	switch {
	case e.Provider == "":
		return s.errorf(path, ".provider", "it names no provider")
	case i < 0:
		return s.errorf(path, ".provider", "%v", unknownProvider())
	case e.Organization == "":
		return s.errorf(path, ".organization", "it names no organization")
	case e.Provider == f5 && e.Email == "":
		return s.errorf(path, ".email", "volterra needs the email of the account that is to be deleted")
	}
	for _, of := range []struct{ key, value string }{{".email", e.Email}, {".reason", e.Reason}, {".feedback", e.Feedback}} {
		if of.value != "" && e.Provider != f5 {
			return s.errorf(path, of.key, "only volterra takes this")
		}
	}
	for _, of := range []struct{ key, value string }{
		{".organization", e.Organization}, {".confirm", e.Confirm}, {".email", e.Email},
	} {
		if err := s.literal(path, of.key, of.value); err != nil {
			return err
		}
	}
	if confirm := s.node(path + ".confirm"); confirm != nil && confirm.Type() != ast.NullType && strings.TrimSpace(e.Confirm) == "" {
		return s.errorf(path, ".confirm", "confirm is empty, which confirms nothing: leave it out, or write what the provider calls the organization")
	}
	for _, of := range []struct{ key, value string }{
		{".organization", e.Organization}, {".confirm", e.Confirm}, {".base_url", e.BaseURL},
	} {
		if fault := secretFault(of.value); fault != "" {
			return s.errorf(path, of.key, "%s is refused: %s", of.key[1:], fault)
		}
	}
	// The plan file contains these as they are, and no provider confirms them.
	for _, of := range []struct{ key, value string }{{".email", e.Email}, {".reason", e.Reason}, {".feedback", e.Feedback}} {
		if secretFault(of.value) != "" || looksSecret(of.value) {
			return s.errorf(path, of.key, "%s is refused: it looks like a credential", of.key[1:])
		}
	}
	if e.Email != "" && !strings.Contains(e.Email, "@") {
		return s.errorf(path, ".email", "email is not an e-mail address")
	}
	for j, c := range e.Override {
		if !slices.Contains(overrides, c) {
			return s.errorf(path, fmt.Sprintf(".permit[%d]", j), "there is no such thing to permit: use %s", list(overrides))
		}
	}
	if fault := e.variableFault(providers[i]); fault != nil {
		key := ".credentials"
		if fault.key != "" {
			key += "." + fault.key
		}
		return s.errorf(path, key, "%v", fault)
	}
	return nil
}

// list names what there is to choose from.
func list[S ~string](of []S) string {
	names := make([]string, len(of))
	for i, s := range of {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
