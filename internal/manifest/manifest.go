// Package manifest has the rules of manifests, which the programs offboard and offboard-fleet share.
// It does not import a YAML library: a [Parser] returns the values of a text with their lines.
//
// No error repeats a value of a manifest: it may be a secret that was written there by mistake.
package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/spelling"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Entry is one organization of a manifest.
type Entry struct {
	Provider     string
	Organization string
	Confirm      string
	Override     []teardown.Override
	BaseURL      string
	Credentials  map[string]string
	Email        string
	Reason       string
	Feedback     string
}

// entryKeys are the keys of an entry.
var entryKeys = []string{"provider", "organization", "confirm", "override", "base_url", "credentials", "email", "reason", "feedback"}

// keys are the keys of every manifest.
var keys = []string{"organizations", "allow", "deny"}

// Parser parses a text. It checks the tokens by [Limits] first, and returns the value of each
// document; nil for an empty one. It returns a [*SyntaxError] if the fault has a line.
type Parser func(text []byte) ([]*Node, error)

// SyntaxError is a fault of a manifest on a line.
type SyntaxError struct {
	Line int
	Text string

	// Quotes is true if the text may quote a part of the manifest.
	Quotes bool
}

// Error implements error.
func (e *SyntaxError) Error() string { return e.Text }

// Source has the lines of the values of a manifest.
type Source struct {
	Name string // of the file
	root *Node  // nil for an empty manifest
	more []string
}

// Parse parses the text of a manifest. more lists the keys that this kind of manifests has besides
// those of every manifest.
func Parse(text []byte, name string, parse Parser, more ...string) (*Source, error) {
	documents, err := parsed(text, parse)
	s := &Source{Name: name, more: more}
	if err != nil {
		return nil, s.syntax(text, err)
	}
	if len(documents) > 1 {
		return nil, fmt.Errorf("%s: must contain one document", name)
	}
	if len(documents) == 1 {
		s.root = documents[0]
	}
	if s.root != nil && s.root.Kind == Null {
		s.root = nil
	}
	if s.root != nil {
		return s, s.known(s.root, slices.Concat(keys, more), "the manifest")
	}
	return s, nil
}

// parsed calls the parser. Its library panics on some invalid texts.
func parsed(text []byte, parse Parser) (documents []*Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("invalid YAML")
		}
	}()
	return parse(text)
}

// syntax returns an error of the parser in one line, without the text of the manifest.
func (s *Source) syntax(text []byte, err error) error {
	e, ok := errors.AsType[*SyntaxError](err)
	if !ok || e.Line == 0 {
		return fmt.Errorf("%s: invalid YAML", s.Name)
	}
	if e.Quotes {
		if tab := tabLine(text, e.Line+1); tab > 0 { // the parser may report the line above
			return fmt.Errorf("%s:%d: the indentation contains a tab: YAML requires spaces", s.Name, tab)
		}
		return fmt.Errorf("%s:%d: %s", s.Name, e.Line, printable.Text(s.withoutValues(e.Text)))
	}
	return fmt.Errorf("%s:%d: %s", s.Name, e.Line, e.Text)
}

// withoutValues replaces the text between the first and the last quote of a message, unless it is a
// key of manifests: a value may contain quotes itself.
func (s *Source) withoutValues(message string) string {
	first, last := strings.Index(message, `"`), strings.LastIndex(message, `"`)
	if first < 0 || slices.Contains(slices.Concat(keys, s.more, entryKeys), message[first+1:max(last, first+1)]) {
		return message
	}
	return message[:first] + `"…"` + message[last+1:]
}

// known returns an error unless a node is a mapping with known keys. An unknown key is shown only if
// it is a misspelled one: another one may be a secret.
func (s *Source) known(n *Node, known []string, subject string) error {
	if n.Kind != Mapping {
		return s.faultf(n.Line, "%s must be a mapping with the keys %s", subject, strings.Join(known, ", "))
	}
	for i, k := range n.Keys {
		if slices.Contains(known, k.Name) {
			if slices.ContainsFunc(n.Keys[:i], func(other Key) bool { return other.Name == k.Name }) {
				return s.faultf(k.Line, "duplicate key %s", k.Name)
			}
			continue
		}
		text := "unknown key"
		if secrets.Misspelled(k.Name, slices.Concat(keys, s.more, entryKeys)) {
			text += fmt.Sprintf(" %q", printable.Text(k.Name))
		}
		if hint := spelling.Hint(k.Name, known); hint != "" {
			return s.faultf(k.Line, "%s%s", text, hint)
		}
		return s.faultf(k.Line, "%s: use %s", text, strings.Join(known, ", "))
	}
	return nil
}

// faultf returns an error with a line; 0 for an unknown one.
func (s *Source) faultf(line int, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.at(line), fmt.Sprintf(format, args...))
}

func (s *Source) at(line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", s.Name, line)
	}
	return s.Name
}

// Errorf returns an error with the line of the value at a path of keys and indexes.
func (s *Source) Errorf(path []any, format string, args ...any) error {
	return s.faultf(s.Line(path...), format, args...)
}

// Place returns the name of the file and the line of a value.
func (s *Source) Place(path ...any) string { return s.at(s.Line(path...)) }

// Line returns the line of the value at a path of keys and indexes, or of the enclosing value if it
// is missing; 0 if unknown.
func (s *Source) Line(path ...any) int {
	n := s.root
	if n == nil {
		return 0
	}
	for _, at := range path {
		var next *Node
		switch at := at.(type) {
		case string:
			next = n.value(at)
		case int:
			if at < len(n.Items) {
				next = n.Items[at]
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}

// Text returns the text of a key of the manifest, and whether the manifest has the key.
func (s *Source) Text(key string) (text string, given bool, err error) {
	if s.root == nil || s.root.value(key) == nil {
		return "", false, nil
	}
	text, err = s.text(s.root.value(key), key)
	return text, true, err
}

// text returns the text of a value; "" for null or nil.
func (s *Source) text(n *Node, key string) (string, error) {
	switch {
	case n == nil || n.Kind == Null:
		return "", nil
	case n.Kind != Text:
		return "", s.faultf(n.Line, "%s must be a text", key)
	case n.Changed:
		return "", s.faultf(n.Line, "write the value in quotes: YAML does not read it as this text")
	}
	return n.Text, nil
}

// texts returns the texts of a list; nil for null or nil.
func (s *Source) texts(n *Node, key string) ([]string, error) {
	if n == nil || n.Kind == Null {
		return nil, nil
	}
	if n.Kind != List {
		return nil, s.faultf(n.Line, "%s must be a list", key)
	}
	texts := make([]string, len(n.Items))
	for i, item := range n.Items {
		var err error
		if texts[i], err = s.text(item, "an entry of "+key); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// List returns the entries of allow or deny. The entries are those of the manifest: the organization
// of one may be listed, whatever it looks like.
func (s *Source) List(key string, entries []Entry) ([]string, error) {
	if s.root == nil {
		return nil, nil
	}
	n := s.root.value(key)
	ids, err := s.texts(n, key)
	if err != nil {
		return nil, err
	}
	fault := ListedFault(entries)
	for i, id := range ids {
		if strings.TrimSpace(id) == "" {
			return nil, s.faultf(n.Items[i].Line, "an entry of %s is empty", key)
		}
		if text := fault(id); text != "" {
			return nil, s.faultf(n.Items[i].Line, "an entry of %s is refused: %s", key, text)
		}
	}
	if key == "allow" && n != nil && len(ids) == 0 {
		return nil, s.faultf(n.Line, "allow is empty: nothing could be deleted")
	}
	return ids, nil
}

// ListedFault returns a function that returns why an entry of allow or deny, or a value of a flag
// for one, is refused because it is a credential; "" if nothing shows that. The organizations of the
// entries, which were checked with them, are permitted.
func ListedFault(entries []Entry) func(text string) string {
	variables := namedVariables(entries)
	return func(text string) string {
		fault := secrets.ListedFault(text, variables...)
		if fault != "" && slices.ContainsFunc(entries, func(e Entry) bool { return e.Organization == text }) {
			return ""
		}
		return fault
	}
}

// Entries returns the organizations of the manifest, with the names of their providers in place of
// aliases. It returns the first fault.
func (s *Source) Entries() ([]Entry, error) {
	var list *Node
	if s.root != nil {
		list = s.root.value("organizations")
	}
	switch {
	case list == nil || list.Kind == Null || list.Kind == List && len(list.Items) == 0:
		return nil, s.Errorf([]any{"organizations"}, "the list of organizations is empty")
	case list.Kind != List:
		return nil, s.faultf(list.Line, "organizations must be a list")
	}
	entries := make([]Entry, len(list.Items))
	for i, n := range list.Items {
		var err error
		if entries[i], err = s.entry(n); err != nil {
			return nil, err
		}
	}
	type place struct{ provider, organization, baseURL string }
	first, variables := map[place]int{}, namedVariables(entries)
	for i, e := range entries {
		if err := s.check(e, list.Items[i], variables); err != nil {
			return nil, err
		}
		at := place{e.Provider, e.Organization, e.BaseURL}
		if u, err := rest.ParseBase(e.BaseURL, false); err == nil { // the normal form of the address
			at.baseURL = u.String()
		}
		if j, twice := first[at]; twice {
			return nil, s.Errorf([]any{"organizations", i, "organization"}, "duplicate organization: see line %d", s.Line("organizations", j, "organization"))
		}
		first[at] = i
	}
	return entries, nil
}

// namedVariables returns the environment variables with credentials that entries name. It omits those
// that name a file.
func namedVariables(entries []Entry) []string {
	var variables []string
	known := map[string]bool{}
	for _, e := range entries {
		for _, p := range providers.All {
			for _, variable := range p.Variables {
				name := e.Credentials[variable]
				if p.Name == e.Provider && name != "" && !slices.Contains(p.Files, variable) && !known[name] {
					known[name], variables = true, append(variables, name)
				}
			}
		}
	}
	return variables
}

// entry returns an entry of a list, whose values it does not check.
func (s *Source) entry(n *Node) (e Entry, err error) {
	if n.Kind == Null {
		n = &Node{Kind: Mapping, Line: n.Line}
	}
	if err := s.known(n, entryKeys, "an entry of organizations"); err != nil {
		return e, err
	}
	for key, to := range map[string]*string{
		"provider": &e.Provider, "organization": &e.Organization, "confirm": &e.Confirm, "base_url": &e.BaseURL,
		"email": &e.Email, "reason": &e.Reason, "feedback": &e.Feedback,
	} {
		if *to, err = s.text(n.value(key), key); err != nil {
			return e, err
		}
	}
	e.Provider = providers.Name(e.Provider)
	overrides, err := s.texts(n.value("override"), "override")
	if err != nil {
		return e, err
	}
	for _, o := range overrides {
		e.Override = append(e.Override, teardown.Override(o))
	}
	credentials := n.value("credentials")
	if credentials == nil || credentials.Kind == Null {
		return e, nil
	}
	if credentials.Kind != Mapping {
		return e, s.faultf(credentials.Line, "credentials must map variables to the names of others")
	}
	e.Credentials = map[string]string{}
	for _, k := range credentials.Keys {
		if e.Credentials[k.Name], err = s.text(k.Value, "the name of an environment variable"); err != nil {
			return e, err
		}
	}
	return e, nil
}

// check returns the first fault of an entry, whose node has the lines. variables are those of
// namedVariables.
func (s *Source) check(e Entry, n *Node, variables []string) error {
	fault := func(key, format string, args ...any) error {
		line := n.Line
		if v := n.value(key); v != nil {
			line = v.Line
		}
		return s.faultf(line, format, args...)
	}
	i := slices.IndexFunc(providers.All, func(p providers.Provider) bool { return p.Name == e.Provider })
	confirm := n.value("confirm")
	switch {
	case e.Provider == "":
		return fault("provider", "provider is missing")
	case i < 0:
		return fault("provider", "%v", providers.Unknown(e.Provider))
	case strings.TrimSpace(e.Organization) == "":
		return fault("organization", "organization is missing")
	case e.Provider == providers.F5 && e.Email == "":
		return fault("email", "volterra requires the email of the account to delete")
	case confirm != nil && confirm.Kind != Null && strings.TrimSpace(e.Confirm) == "":
		return fault("confirm", "confirm is empty and confirms nothing: remove it, or set the provider's name of the organization")
	}
	for _, of := range []struct{ key, value string }{{"organization", e.Organization}, {"confirm", e.Confirm}, {"base_url", e.BaseURL}} {
		if strings.ContainsAny(of.value, "\r\n") {
			return fault(of.key, "%s must be one line: in a block of text, use >- in place of > or |", of.key)
		}
		if text := secrets.Fault(of.value, variables...); text != "" {
			return fault(of.key, "%s is refused: %s", of.key, text)
		}
	}
	// Plan files and stores contain these values, and no provider confirms them.
	for _, of := range []struct{ key, value string }{{"email", e.Email}, {"reason", e.Reason}, {"feedback", e.Feedback}} {
		switch {
		case of.value != "" && e.Provider != providers.F5:
			return fault(of.key, "%s is for volterra only", of.key)
		case secrets.Fault(of.value, variables...) != "" || secrets.LooksLikeToken(of.value):
			return fault(of.key, "%s is refused: the value looks like a credential", of.key)
		}
	}
	if e.Email != "" && !strings.Contains(e.Email, "@") {
		return fault("email", "email must be an email address")
	}
	if e.BaseURL != "" {
		if _, err := rest.ParseBase(e.BaseURL, false); err != nil {
			return fault("base_url", "base_url must be a URL with https and a host, without a user, a query and a fragment; http is for this machine only")
		}
	}
	for j, o := range e.Override {
		if !slices.Contains(teardown.Overrides(), o) {
			var names []string
			for _, known := range teardown.Overrides() {
				names = append(names, string(known))
			}
			return s.faultf(n.value("override").Items[j].Line, "unknown override: use %s%s", strings.Join(names, ", "), spelling.Hint(string(o), names))
		}
	}
	if text := providers.All[i].VariableFault(e.Credentials); text != nil {
		at := n.value("credentials")
		if v := at.value(text.Key); v != nil {
			at = v
		}
		return s.faultf(at.Line, "%v", text)
	}
	return nil
}
