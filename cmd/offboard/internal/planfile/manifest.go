package planfile

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/internal/manifest"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
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
	text, err := manifest.ReadText(r, name)
	if err != nil {
		return nil, nil, safefile.Error(safefile.Reading, "MANIFEST", name, err)
	}
	m, s, err := parseManifest(text, name)
	if err != nil && IsPlanFile(text) {
		return nil, nil, fmt.Errorf("%s: this is a plan file: apply it with offboard apply, or give the manifest to plan again", name)
	}
	return m, s, err
}

func parseManifest(text []byte, name string) (*Manifest, *Source, error) {
	of, err := manifest.Parse(text, name, parseYAML)
	if err != nil {
		return nil, nil, err
	}
	entries, err := of.Entries()
	if err != nil {
		return nil, nil, err
	}
	m := new(Manifest)
	for _, e := range entries {
		m.Organizations = append(m.Organizations, Entry(e))
	}
	if m.Allow, err = of.List("allow", entries); err != nil {
		return nil, nil, err
	}
	if m.Deny, err = of.List("deny", entries); err != nil {
		return nil, nil, err
	}
	return m, &Source{of: of}, nil
}

// CheckFlags returns an error if a value of --allow or --deny is a credential. Plan sends the values
// to the providers of all entries.
func (m *Manifest) CheckFlags() error {
	var entries []manifest.Entry
	for _, e := range m.All() {
		entries = append(entries, manifest.Entry(e))
	}
	fault := manifest.ListedFault(entries)
	for _, of := range []struct {
		flag   string
		values []string
	}{{"--allow", m.AllowFlags}, {"--deny", m.DenyFlags}} {
		for i, value := range of.values {
			if text := fault(value); text != "" {
				return fmt.Errorf("%s number %d is refused: %s", of.flag, i+1, text)
			}
		}
	}
	return nil
}

// Source has the lines of the values of a manifest. A nil Source is that of a manifest that was not
// read from a text.
type Source struct {
	of       *manifest.Source
	selected []int // the entries that Select keeps; nil for all
}

// AtListed returns an error about an entry of allow or deny, with its line. subject replaces the line
// if the manifest was not read from a text.
func (s *Source) AtListed(list string, i int, subject string, err error) error {
	if s == nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	return fmt.Errorf("%s: %w", s.of.Place(list, i), err)
}

// AtEntry returns an error about an entry, with its line, as [Source.AtListed] does.
func (s *Source) AtEntry(i int, subject string, err error) error {
	if s == nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	return fmt.Errorf("%s: %w", s.EntryPlace(i), err)
}

// entryPath returns the path of an entry, which is counted among the selected ones.
func (s *Source) entryPath(i int) []any {
	if s.selected != nil {
		i = s.selected[i]
	}
	return []any{"organizations", i, "organization"}
}

// EntryLine returns the line of an entry; 0 if unknown.
func (s *Source) EntryLine(i int) int {
	if s == nil {
		return 0
	}
	return s.of.Line(s.entryPath(i)...)
}

// EntryPlace returns the name of the manifest and the line of an entry.
func (s *Source) EntryPlace(i int) string {
	if s == nil {
		return "the manifest"
	}
	return s.of.Place(s.entryPath(i)...)
}
