package planfile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/spelling"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Manifest lists organizations to delete.
type Manifest struct {
	Organizations []Entry `yaml:"organizations"`

	// Allow, if set, lists the only organizations that may be deleted. Deny lists
	// organizations that must not be deleted. Entries are resolved like
	// [Entry.Organization]. Both also apply to organizations that steps delete.
	Allow []string `yaml:"allow,omitempty"`
	Deny  []string `yaml:"deny,omitempty"`

	// AllowFlags and DenyFlags are the values of --allow and --deny. An organization must be
	// permitted by both Allow and AllowFlags.
	AllowFlags []string `yaml:"-"`
	DenyFlags  []string `yaml:"-"`

	// Unselected lists the entries that Select removed.
	Unselected []Entry `yaml:"-"`
}

// All returns all entries, also those that are not selected.
func (m *Manifest) All() []Entry { return slices.Concat(m.Organizations, m.Unselected) }

// Select keeps only the entries that have one of the values as organization or as confirm. Without
// a value, it keeps all. It returns an error unless each value selects exactly one. The source is
// that of the manifest.
func (m *Manifest) Select(values []string, s *Source) error {
	if len(values) == 0 {
		return nil
	}
	selected := make([]bool, len(m.Organizations))
	for n, value := range values {
		var found []int
		for i, e := range m.Organizations {
			if strings.TrimSpace(value) != "" && (value == e.Organization || value == e.Confirm) {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("--only number %d matches no organization of the manifest: give organization or confirm of an entry%s", n+1, spelling.Hint(value, m.names()))
		case 1:
			selected[found[0]] = true
		default:
			return fmt.Errorf("--only number %d matches %d organizations of the manifest, the first at %s: give organization or confirm of one of them", n+1, len(found), s.EntryPlace(found[0]))
		}
	}
	all := m.Organizations
	m.Organizations = nil
	for i, e := range all {
		if !selected[i] {
			m.Unselected = append(m.Unselected, e)
			continue
		}
		m.Organizations, s.selected = append(m.Organizations, e), append(s.selected, i)
	}
	return nil
}

// names returns the values that select entries, without control characters.
func (m *Manifest) names() []string {
	var names []string
	for _, e := range m.Organizations {
		for _, name := range []string{e.Organization, e.Confirm} {
			if name != "" {
				names = append(names, printable.Text(name))
			}
		}
	}
	return names
}

// Entry is one organization of a manifest.
type Entry struct {
	Provider     string `yaml:"provider" json:"provider"`
	Organization string `yaml:"organization" json:"organization"`

	// Confirm is the provider's name of the organization, or its ID if it has no name.
	Confirm string `yaml:"confirm,omitempty" json:"confirm,omitempty"`

	Override []teardown.Override `yaml:"override,omitempty" json:"override,omitempty"`

	BaseURL string `yaml:"base_url,omitempty" json:"base_url,omitempty"`

	// Credentials maps usual environment variables to the names of others that replace
	// them. The names must start with a prefix of the provider or with OFFBOARD_. Neither a
	// manifest nor a plan contains a credential.
	Credentials map[string]string `yaml:"credentials,omitempty" json:"credentials,omitempty"`

	// Email, Reason and Feedback are for volterra only.
	Email    string `yaml:"email,omitempty" json:"email,omitempty"`
	Reason   string `yaml:"reason,omitempty" json:"reason,omitempty"`
	Feedback string `yaml:"feedback,omitempty" json:"feedback,omitempty"`
}

// ManifestExample is a part of the help. A test reads it.
const ManifestExample = `organizations:
  - provider: katapult            # katapult, zitadel, atlas, workspace or volterra
    organization: org_Fh7dKq2     # ID or subdomain
    confirm: Acme Hosting         # the provider's name of it
    override: [managed_organizations]
  - provider: volterra
    organization: acme-edge-kqzvxwbn
    confirm: acme-edge-kqzvxwbn
    email: owner@example.com      # of the account to delete
    base_url: https://acme-edge.console.ves.volterra.io
    credentials:                  # variables that replace the usual ones
      F5XC_API_TOKEN: F5XC_ACME_EDGE_TOKEN
deny: [org_Platform, acme-www]    # never deleted; resolved like organization
`

// ParseManifest reads a manifest, and returns its source as well. Its errors name the line of
// the fault.
func ParseManifest(r io.Reader, name string) (*Manifest, *Source, error) {
	text, err := readText(r, name)
	if err != nil {
		return nil, nil, err
	}
	m := new(Manifest)
	file, err := decode(text, m)
	if err != nil && IsPlanFile(text) {
		return nil, nil, fmt.Errorf("%s: this is a plan file: apply it with offboard apply, or give the manifest to plan again", name)
	}
	if err != nil {
		return nil, nil, located(name, text, err)
	}
	if len(file.Docs) > 1 {
		return nil, nil, fmt.Errorf("%s: must contain one document", name)
	}
	if len(m.Organizations) == 0 {
		return nil, nil, fmt.Errorf("%s: the list of organizations is empty", name)
	}
	for i := range m.Organizations { // a plan file contains no alias
		m.Organizations[i].Provider = providers.Name(m.Organizations[i].Provider)
	}
	s := &Source{name: name, file: file}
	return m, s, m.check(s)
}

// decode decodes the first document of a text, and returns the syntax tree of the text. A panic
// of the YAML library, which a tag without a value causes, is returned as an error.
func decode(text []byte, m *Manifest) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	file, err = parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(m)
	if err == io.EOF { // no document
		err = nil
	}
	return file, err
}

// overrideNames returns the names of all overrides.
func overrideNames() []string {
	var names []string
	for _, o := range teardown.Overrides() {
		names = append(names, string(o))
	}
	return names
}

// At returns an error about a value of a manifest, with its line. subject replaces the line
// if the manifest was not read from a text.
func (s *Source) At(path, key, subject string, err error) error {
	if s == nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	return fmt.Errorf("%s: %w", s.place(path, key), err)
}

// AtEntry returns an error about an entry, with its line, as [Source.At] does.
func (s *Source) AtEntry(i int, subject string, err error) error {
	return s.At(s.entryPath(i), ".organization", subject, err)
}

// entryPath returns the path of an entry, which is counted among the selected ones.
func (s *Source) entryPath(i int) string {
	if s != nil && s.selected != nil {
		i = s.selected[i]
	}
	return fmt.Sprintf("$.organizations[%d]", i)
}

// EntryLine returns the line of an entry; 0 if unknown.
func (s *Source) EntryLine(i int) int {
	if s == nil {
		return 0
	}
	return s.line(s.entryPath(i), ".organization")
}

// EntryPlace returns the name of the manifest and the line of an entry.
func (s *Source) EntryPlace(i int) string {
	if s == nil {
		return "the manifest"
	}
	return s.place(s.entryPath(i), ".organization")
}

// Source is the syntax tree of a manifest. It returns the lines of values.
type Source struct {
	name string
	file *ast.File

	selected []int // the entries that Select keeps; nil for all
}

// node returns the node of a value; nil if the manifest does not have the value.
func (s *Source) node(path string) ast.Node {
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

// errorf returns an error with the line of a value, or of the enclosing value if it is
// missing. The text must not repeat the value, which may be a secret.
func (s *Source) errorf(path, key, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.place(path, key), fmt.Sprintf(format, args...))
}

// place returns the name of the manifest and the line of a value, or of the enclosing
// value if it is missing.
func (s *Source) place(path, key string) string {
	if line := s.line(path, key); line > 0 {
		return fmt.Sprintf("%s:%d", s.name, line)
	}
	return s.name
}

// line returns the line of a value, or of the enclosing value if it is missing; 0 if
// unknown.
func (s *Source) line(path, key string) int {
	node := s.node(path + key)
	if node == nil {
		node = s.node(path)
	}
	if node == nil {
		return 0
	}
	token := node.GetToken()
	if mapping, ok := node.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
		token = mapping.Values[0].Key.GetToken() // the token of a mapping is its first colon
	}
	return token.Position.Line
}

// literal returns an error for a value that YAML does not read as its text, such as 0123,
// which YAML reads as 83: the value would name another organization.
func (s *Source) literal(path, key, value string) error {
	node := s.node(path + key)
	if node == nil || slices.Contains([]ast.NodeType{ast.StringType, ast.LiteralType, ast.NullType}, node.Type()) {
		return nil
	}
	if node.GetToken().Value != value {
		return s.errorf(path, key, "write the value in quotes: YAML does not read it as this text")
	}
	return nil
}

// check returns the first fault of a manifest.
func (m *Manifest) check(s *Source) error {
	type place struct{ provider, organization, baseURL string }
	seen := map[place]int{}
	for i, e := range m.Organizations {
		path := fmt.Sprintf("$.organizations[%d]", i)
		if err := e.check(s, path); err != nil {
			return err
		}
		at := place{e.Provider, e.Organization, e.BaseURL}
		if first, twice := seen[at]; twice {
			return s.errorf(path, ".organization", "duplicate organization: see line %d", s.EntryLine(first))
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
		return s.errorf("$.allow", "", "allow is empty: nothing could be deleted")
	}
	return nil
}

func (e *Entry) check(s *Source, path string) error {
	i := slices.IndexFunc(providers.All, func(p providers.Provider) bool { return p.Name == e.Provider })
	switch {
	case e.Provider == "":
		return s.errorf(path, ".provider", "provider is missing")
	case i < 0:
		return s.errorf(path, ".provider", "%v", providers.Unknown(e.Provider))
	case strings.TrimSpace(e.Organization) == "":
		return s.errorf(path, ".organization", "organization is missing")
	case e.Provider == providers.F5 && e.Email == "":
		return s.errorf(path, ".email", "volterra requires the email of the account to delete")
	}
	for _, of := range []struct{ key, value string }{{".email", e.Email}, {".reason", e.Reason}, {".feedback", e.Feedback}} {
		if of.value != "" && e.Provider != providers.F5 {
			return s.errorf(path, of.key, "%s is for volterra only", of.key[1:])
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
		return s.errorf(path, ".confirm", "confirm is empty and confirms nothing: remove it, or set the provider's name of the organization")
	}
	for _, of := range []struct{ key, value string }{
		{".organization", e.Organization}, {".confirm", e.Confirm}, {".base_url", e.BaseURL},
	} {
		if fault := secrets.Fault(of.value); fault != "" {
			return s.errorf(path, of.key, "%s is refused: %s", of.key[1:], fault)
		}
	}
	// The plan file contains these values, and no provider confirms them.
	for _, of := range []struct{ key, value string }{{".email", e.Email}, {".reason", e.Reason}, {".feedback", e.Feedback}} {
		if secrets.Fault(of.value) != "" || secrets.LooksLikeToken(of.value) {
			return s.errorf(path, of.key, "%s is refused: the value looks like a credential", of.key[1:])
		}
	}
	if e.Email != "" && !strings.Contains(e.Email, "@") {
		return s.errorf(path, ".email", "email must be an email address")
	}
	for j, o := range e.Override {
		if !slices.Contains(teardown.Overrides(), o) {
			return s.errorf(path, fmt.Sprintf(".override[%d]", j), "unknown override: use %s%s", format.List(teardown.Overrides()), spelling.Hint(string(o), overrideNames()))
		}
	}
	if fault := providers.All[i].VariableFault(e.Credentials); fault != nil {
		key := ".credentials"
		if fault.Key != "" {
			key += "." + fault.Key
		}
		return s.errorf(path, key, "%v", fault)
	}
	return nil
}
