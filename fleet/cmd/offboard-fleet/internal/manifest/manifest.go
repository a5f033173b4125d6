// Package manifest reads the manifests of the program: YAML with the keys of the manifests of
// the program offboard, and with the policy of a batch.
package manifest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Example is a manifest for the help. A test reads it.
const Example = `approvals: 2                      # people who must approve: 0, 1 or 2
remind_every: 24h
organizations:
  - provider: katapult            # katapult, zitadel, atlas, workspace or volterra
    organization: org_Fh7dKq2     # ID or subdomain
    override: [managed_organizations]
  - provider: volterra
    organization: acme-edge-kqzvxwbn
    confirm: acme-edge-kqzvxwbn   # the provider's name; required if approvals is 0
    email: owner@example.com
    base_url: https://acme-edge.console.ves.volterra.io
    credentials:                  # variables of the workers that replace the usual ones
      F5XC_API_TOKEN: F5XC_ACME_EDGE_TOKEN
deny: [org_Platform]              # never deleted
`

// maxSize is the maximum size of a manifest in bytes: about 200,000 organizations.
const maxSize = 32 << 20

// document is the form of a manifest in YAML.
type document struct {
	Approvals     *int     `yaml:"approvals"`
	RemindEvery   string   `yaml:"remind_every"`
	Organizations []entry  `yaml:"organizations"`
	Allow         []string `yaml:"allow"`
	Deny          []string `yaml:"deny"`
}

// entry is the form of an organization in YAML.
type entry struct {
	Provider     string              `yaml:"provider"`
	Organization string              `yaml:"organization"`
	Confirm      string              `yaml:"confirm"`
	Override     []teardown.Override `yaml:"override"`
	BaseURL      string              `yaml:"base_url"`
	Credentials  map[string]string   `yaml:"credentials"`
	Email        string              `yaml:"email"`
	Reason       string              `yaml:"reason"`
	Feedback     string              `yaml:"feedback"`
}

// Read reads a manifest and checks it. name is that of its file, which errors contain with the
// line of the fault. No error repeats a value: it may be a secret that was written there by
// mistake.
func Read(r io.Reader, name string) (fleet.Manifest, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return fleet.Manifest{}, err
	}
	if len(text) > maxSize {
		return fleet.Manifest{}, fmt.Errorf("%s: the manifest is larger than %d MiB", name, maxSize>>20)
	}
	var d document
	file, err := decode(text, &d)
	if err != nil {
		return fleet.Manifest{}, errors.New(located(name, err))
	}
	if len(file.Docs) > 1 {
		return fleet.Manifest{}, fmt.Errorf("%s: must contain one document", name)
	}
	s := source{name: name}
	if len(file.Docs) == 1 {
		s.root = file.Docs[0].Body
	}
	return s.manifest(d)
}

// decode decodes a text, and returns its syntax tree. The library panics on some invalid texts,
// such as a tag without a value, which is an error of the manifest and not of the program.
func decode(text []byte, d *document) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the YAML cannot be read")
		}
	}()
	if file, err = parser.ParseBytes(text, 0); err != nil {
		return nil, err
	}
	if err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(d); err == io.EOF { // empty
		err = nil
	}
	return file, err
}

// located returns the text of an error of the library, with its line.
func located(name string, err error) string {
	at, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return name + ": " + err.Error()
	}
	text := at.GetMessage()
	if token := at.GetToken(); token != nil && token.Position != nil {
		return fmt.Sprintf("%s:%d: %s", name, token.Position.Line, text)
	}
	return name + ": " + text
}

// source is the syntax tree of a manifest, which has the lines of its values.
type source struct {
	name string
	root ast.Node
}

// find returns the node at a path of keys and indexes, and the last node on the way to it if the
// manifest does not have it. exact reports whether it is the node itself.
func (s source) find(path ...any) (node ast.Node, exact bool) {
	node = inner(s.root)
	for _, at := range path {
		var next ast.Node
		switch at := at.(type) {
		case string:
			next = member(node, at)
		case int:
			if list, ok := node.(*ast.SequenceNode); ok && at < len(list.Values) {
				next = list.Values[at]
			}
		}
		if next == nil {
			return node, false
		}
		node = inner(next)
	}
	return node, node != nil
}

// inner returns the value of a node that has an anchor or a tag.
func inner(n ast.Node) ast.Node {
	for {
		switch of := n.(type) {
		case *ast.AnchorNode:
			n = of.Value
		case *ast.TagNode:
			n = of.Value
		default:
			return n
		}
	}
}

// member returns the value of a key; nil if the node does not have it.
func member(n ast.Node, key string) ast.Node {
	mapping, ok := n.(*ast.MappingNode)
	if !ok {
		return nil
	}
	for _, v := range mapping.Values {
		if v.Key.GetToken().Value == key {
			return v.Value
		}
	}
	return nil
}

// line returns the line of a value, or of the enclosing value; 0 if unknown.
func (s source) line(path ...any) int {
	node, _ := s.find(path...)
	if node == nil {
		return 0
	}
	token := node.GetToken()
	if mapping, ok := node.(*ast.MappingNode); ok && len(mapping.Values) > 0 { // its token is the first colon
		token = mapping.Values[0].Key.GetToken()
	}
	if token == nil || token.Position == nil {
		return 0
	}
	return token.Position.Line
}

// errorf returns an error with the line of a value.
func (s source) errorf(path []any, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if line := s.line(path...); line > 0 {
		return fmt.Errorf("%s:%d: %s", s.name, line, text)
	}
	return fmt.Errorf("%s: %s", s.name, text)
}

// exact returns an error for a value that YAML reads as another text, such as 0123, which it
// reads as 83: the value would name another organization.
func (s source) exact(value string, path ...any) error {
	node, found := s.find(path...)
	if !found || node.Type() == ast.StringType || node.Type() == ast.LiteralType || node.Type() == ast.NullType || node.Type() == ast.AliasType {
		return nil
	}
	if node.GetToken().Value != value {
		return s.errorf(path, "write the value in quotes: YAML does not read it as this text")
	}
	return nil
}

// manifest checks a document and returns its manifest.
func (s source) manifest(d document) (fleet.Manifest, error) {
	var m fleet.Manifest
	switch {
	case len(d.Organizations) == 0:
		return m, s.errorf([]any{"organizations"}, "the list of organizations is empty")
	case d.Approvals == nil:
		return m, s.errorf(nil, "approvals is missing: set the number of people who must approve each plan: 0, 1 or 2")
	case *d.Approvals < 0 || *d.Approvals > 2:
		return m, s.errorf([]any{"approvals"}, "approvals must be 0, 1 or 2")
	}
	m.Policy.Approvals = *d.Approvals
	if _, given := s.find("remind_every"); given || d.RemindEvery != "" {
		every, err := time.ParseDuration(d.RemindEvery)
		if err != nil || every < time.Minute {
			return m, s.errorf([]any{"remind_every"}, "remind_every must be a duration of at least 1m, such as 24h")
		}
		m.Policy.RemindEvery = every
	}
	type identity struct{ provider, organization, baseURL string }
	seen := map[identity]int{}
	for i, e := range d.Organizations {
		e.Provider = name(e.Provider)
		if err := s.check(e, *d.Approvals, "organizations", i); err != nil {
			return m, err
		}
		id := identity{e.Provider, e.Organization, e.BaseURL}
		if first, twice := seen[id]; twice {
			return m, s.errorf([]any{"organizations", i, "organization"}, "duplicate organization: see line %d", s.line("organizations", first, "organization"))
		}
		seen[id] = i
		o := fleet.Entry{
			Provider: e.Provider, Organization: e.Organization, BaseURL: e.BaseURL, Credentials: e.Credentials,
			Email: e.Email, Reason: e.Reason, Feedback: e.Feedback, Confirm: e.Confirm, Override: e.Override,
		}
		if err, ok := errors.AsType[*errors.Error](o.Spec().Validate()); ok {
			return m, s.errorf([]any{"organizations", i}, "%v", err.Err)
		}
		m.Organizations = append(m.Organizations, o)
	}
	m.Allow, m.Deny = d.Allow, d.Deny
	if _, given := s.find("allow"); given && len(d.Allow) == 0 {
		return m, s.errorf([]any{"allow"}, "allow is empty: nothing could be deleted")
	}
	for _, list := range []struct {
		key string
		ids []string
	}{{"allow", d.Allow}, {"deny", d.Deny}} {
		for i, id := range list.ids {
			if strings.TrimSpace(id) == "" {
				return m, s.errorf([]any{list.key, i}, "an entry of %s is empty", list.key)
			}
			if err := s.exact(id, list.key, i); err != nil {
				return m, err
			}
		}
	}
	return m, nil
}

// check returns the first fault of an organization.
func (s source) check(e entry, approvals int, path ...any) error {
	at := func(keys ...any) []any { return append(slices.Clone(path), keys...) }
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == e.Provider })
	confirm, given := s.find(at("confirm")...)
	switch {
	case e.Provider == "":
		return s.errorf(at("provider"), "provider is missing")
	case i < 0:
		return s.errorf(at("provider"), "unknown provider: use one of %s", accepted())
	case strings.TrimSpace(e.Organization) == "":
		return s.errorf(at("organization"), "organization is missing")
	case given && confirm.Type() != ast.NullType && strings.TrimSpace(e.Confirm) == "":
		return s.errorf(at("confirm"), "confirm is empty and confirms nothing: remove it, or set the provider's name of the organization")
	case approvals == 0 && e.Confirm == "":
		return s.errorf(at("confirm"), "confirm is missing: without approvals, it must be the provider's name of the organization")
	case e.Provider == volterra && !strings.Contains(e.Email, "@"):
		return s.errorf(at("email"), "volterra requires the email address of the account to delete")
	}
	for _, f := range []struct{ key, value string }{{"email", e.Email}, {"reason", e.Reason}, {"feedback", e.Feedback}} {
		if f.value != "" && e.Provider != volterra {
			return s.errorf(at(f.key), "%s is for volterra only", f.key)
		}
	}
	for _, f := range []struct{ key, value string }{
		{"organization", e.Organization}, {"confirm", e.Confirm}, {"base_url", e.BaseURL},
		{"email", e.Email}, {"reason", e.Reason}, {"feedback", e.Feedback},
	} {
		if credential.MatchString(f.value) {
			return s.errorf(at(f.key), "%s is refused: the value has the form of a credential", f.key)
		}
		if err := s.exact(f.value, at(f.key)...); err != nil {
			return err
		}
	}
	if e.BaseURL != "" {
		u, err := url.Parse(e.BaseURL)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			return s.errorf(at("base_url"), "base_url must be a URL with https and a host, and without a user")
		}
	}
	for j, o := range e.Override {
		if !slices.Contains(teardown.Overrides(), o) {
			return s.errorf(at("override", j), "unknown override: use %s", join(teardown.Overrides()))
		}
	}
	if key, fault := providers[i].credentials(e.Credentials); fault != "" {
		return s.errorf(at("credentials", key), "%s", fault)
	}
	return nil
}

// credential matches texts that have the form of a credential. The store keeps manifests, and
// people who approve can read them.
var credential = regexp.MustCompile(`-----BEGIN |^eyJ[\w-]*\.|mdb_sa_sk_|(?i:^(bearer|basic|digest|apitoken)\s)|[\r\n]`)

// provider is what the program knows about a provider.
type provider struct {
	name, alias string
	variables   []string // that credentials can replace
	prefixes    []string // of the variables that replace them
}

const volterra = "volterra"

var providers = []provider{
	{name: "katapult", variables: []string{"KATAPULT_API_KEY"}, prefixes: []string{"KATAPULT_"}},
	{name: "zitadel", variables: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, prefixes: []string{"ZITADEL_"}},
	{
		name:      "atlas",
		variables: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
		prefixes:  []string{"MONGODB_ATLAS_"},
	},
	{name: "workspace", alias: "applivery", variables: []string{"APPLIVERY_API_TOKEN"}, prefixes: []string{"APPLIVERY_"}},
	{
		name: volterra, alias: "f5", variables: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD"},
		prefixes: []string{"F5XC_", "VOLT_", "VES_"},
	},
}

// name returns the name of a provider for its alias, and any other text unchanged.
func name(text string) string {
	for _, p := range providers {
		if text != "" && text == p.alias {
			return p.name
		}
	}
	return text
}

// accepted returns the names and aliases of all providers.
func accepted() string {
	var all []string
	for _, p := range providers {
		if p.alias != "" {
			all = append(all, p.name+" (or "+p.alias+")")
			continue
		}
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}

// variable is the form of the names of environment variables.
var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// ownPrefix is the prefix of variables that replace those of any provider.
const ownPrefix = "OFFBOARD_"

// credentials returns the first fault of the credentials of an organization, and its key; "" for
// none. Without the rule about prefixes, a manifest could send the value of any variable of the
// workers to any base URL.
func (p provider) credentials(credentials map[string]string) (key, fault string) {
	for _, key := range slices.Sorted(maps.Keys(credentials)) {
		name := credentials[key]
		permitted := variable.MatchString(name) && slices.ContainsFunc(append(slices.Clone(p.prefixes), ownPrefix), func(prefix string) bool {
			return strings.HasPrefix(name, prefix) && len(name) > len(prefix)
		})
		switch {
		case !slices.Contains(p.variables, key):
			return "", fmt.Sprintf("%s does not read this variable: use %s", p.name, strings.Join(p.variables, ", "))
		case !permitted:
			return key, fmt.Sprintf("%s must name an environment variable that starts with %s or %s: a manifest contains no credential",
				key, strings.Join(p.prefixes, ", "), ownPrefix)
		}
	}
	return "", ""
}

// CheckSpec returns an error if a spec names an environment variable that a manifest must not
// name. Workers check it again, because the store may have a manifest of another program.
func CheckSpec(spec offboard.Spec) error {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name(spec.Provider) })
	if i < 0 {
		return nil // Open returns the error of an unknown provider
	}
	if _, fault := providers[i].credentials(spec.Credentials); fault != "" {
		return &errors.Error{Operation: "Open", Code: errors.InvalidArgument, Err: errors.New(fault)}
	}
	return nil
}

func join(overrides []teardown.Override) string {
	var all []string
	for _, o := range overrides {
		all = append(all, string(o))
	}
	return strings.Join(all, ", ")
}
