// Package planfile reads manifests, and reads and writes plan files and journals.
package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/exitcode"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/problem"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/manifest"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/teardown"
)

// version is the version of the format of plan files.
const version = 1

// File contains the plans of a manifest. apply reads only this file, not the manifest.
type File struct {
	Type          string    `json:"type,omitempty"` // "plan"
	Version       int       `json:"version"`
	Allow         []string  `json:"allow,omitempty"` // IDs, as those of Deny
	Deny          []string  `json:"deny,omitempty"`
	Unmatched     []string  `json:"unmatched,omitempty"` // entries of allow and deny that match no organization
	Organizations []Planned `json:"organizations"`

	// Flags are those of plan that a command which plans again must repeat; nil if none was given.
	Flags *Flags `json:"flags,omitempty"`

	// Fingerprint is the SHA-256 of all other fields. It detects an accidental edit.
	Fingerprint string `json:"fingerprint"`

	unselected []Planned // that Select removed
}

// Flags are the values of flags of plan, as far as a provider has confirmed them.
type Flags struct {
	Only  []string `json:"only,omitempty"`  // as in the manifest; "" if no provider has confirmed it
	Allow []string `json:"allow,omitempty"` // IDs
	Deny  []string `json:"deny,omitempty"`  // IDs
}

// Planned is an entry of the manifest and its plan.
type Planned struct {
	Entry Entry `json:"entry"`

	// Plan is nil if the organization could not be planned; Problem is the error.
	Plan    *teardown.Plan   `json:"plan,omitempty"`
	Problem *problem.Problem `json:"problem,omitempty"`

	// Organization, Line and ExitCode are set for an organization without a plan: the
	// provider's ID and name, if it found the organization, the line in the manifest, and
	// the exit code of the problem for every command.
	Organization *teardown.Organization `json:"organization,omitempty"`
	Line         int                    `json:"line,omitempty"`
	ExitCode     int                    `json:"exit_code,omitempty"`

	// Overrides is nil if the plan requires none. It informs: apply compares the plan with the
	// entry itself.
	Overrides *Overrides `json:"overrides,omitempty"`

	// Deletion is set if there is no plan because the organization is deleted, or its deletion is
	// pending, by the journal of an earlier run.
	Deletion *Deletion `json:"deletion,omitempty"`

	// Denied is true if there is no plan because a list of the manifest or a flag forbids the
	// deletion.
	Denied bool `json:"denied,omitempty"`

	// NameDiffers is true if there is no plan because the name in the manifest differs from
	// the provider's. apply then refuses the whole file.
	NameDiffers bool `json:"name_differs,omitempty"`

	// Replaced is the ID of the deleted organization that the entry named before. It is set by plan
	// only, if another organization has the slug or the subdomain now.
	Replaced string `json:"-"`

	forbidden *teardown.Plan // that Restrict removed
}

// Deletion is the end of an organization that a journal shows.
type Deletion struct {
	Instance string           `json:"instance,omitempty"` // as in [teardown.Plan.Instance]
	Outcome  teardown.Outcome `json:"outcome"`            // [teardown.Deleted] or [teardown.Pending]
	Time     time.Time        `json:"time"`               // of the last entry of the journal
}

// Text returns the outcome and its source for people.
func (d *Deletion) Text() string {
	return fmt.Sprintf("%s %s, by the journal", printable.Text(string(d.Outcome)), d.Time.UTC().Format(time.DateTime))
}

// Entry returns an entry of a journal with the deletion of an organization.
func (d *Deletion) Entry(provider string, o teardown.Organization) *teardown.Entry {
	return &teardown.Entry{Time: d.Time, Provider: provider, Instance: d.Instance, Organization: o.ID, Kind: teardown.EntryFinished, Outcome: d.Outcome}
}

// State is why apply starts no deletion of an organization without a plan.
type State string

// The states of organizations without a plan.
const (
	Denied     State = "denied"      // by a list of the manifest or a flag
	NotPlanned State = "not_planned" // it could not be planned
)

// Text returns the state for people.
func (s State) Text() string { return strings.ReplaceAll(string(s), "_", " ") }

// State returns the state of an organization without a plan; "" if it has a plan or is deleted.
func (p Planned) State() State {
	switch {
	case p.Plan != nil, p.Deletion != nil:
		return ""
	case p.Denied:
		return Denied
	}
	return NotPlanned
}

// Reason returns the state of an organization without a plan, and its problem.
func (p Planned) Reason() string {
	if p.Deletion != nil {
		return p.Deletion.Text()
	}
	if p.Problem == nil {
		return p.State().Text()
	}
	return p.State().Text() + ": " + printable.Text(p.Problem.Text)
}

// Total returns the number of steps of the plan, also if Restrict removed it.
func (p Planned) Total() int {
	switch {
	case p.Plan != nil:
		return len(p.Plan.Steps)
	case p.forbidden != nil:
		return len(p.forbidden.Steps)
	}
	return 0
}

// Overrides lists the overrides that a plan requires.
type Overrides struct {
	Permitted []teardown.Override `json:"permitted,omitempty"` // by the manifest
	Missing   []teardown.Override `json:"missing,omitempty"`   // without them, apply does not delete the organization

	// Add is the key with its value that permits the missing ones, and Line the line of the entry in
	// the manifest that needs it; "" and 0 if none is missing.
	Add  string `json:"add,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Subject returns the organization without texts that must not be shown.
func (p Planned) Subject() teardown.Organization {
	switch {
	case p.Plan != nil:
		return p.Plan.Organization
	case p.Organization != nil:
		return *p.Organization
	}
	return teardown.Organization{ID: p.Entry.Bare().Organization}
}

// Resolved returns the entry with the ID of the organization. Another organization may have its slug or
// its subdomain now.
func (p Planned) Resolved() Entry {
	e := p.Entry
	e.Organization = p.Subject().ID
	return e
}

// Exit returns the exit code of an organization without a plan.
func (p Planned) Exit() int {
	if exitcode.Known(p.ExitCode) && p.ExitCode != exitcode.OK {
		return p.ExitCode
	}
	return exitcode.Failed
}

// Applicable reports whether the organization has a plan, and its entry permits all overrides that
// the plan requires. apply does not delete another one.
func (p Planned) Applicable() bool {
	return p.Plan != nil && len(p.Entry.MissingOverrides(p.Plan)) == 0
}

// Misnamed reports whether the name in the manifest differs from the provider's name.
func (p Planned) Misnamed() bool {
	if p.Plan != nil {
		return p.Entry.Confirm != "" && !Confirms(p.Entry.Confirm, p.Plan.Organization)
	}
	return p.NameDiffers
}

// Failed returns an error about an organization of the file.
func (*File) Failed(i int, err error) error {
	return fmt.Errorf("organization %d of the plan file: %w", i+1, err)
}

// Title returns the name of the organization for people: its name, its ID, or its line in
// the manifest.
func (p Planned) Title() string {
	if name := Confirmation(p.Subject()); name != "" {
		return printable.Text(name)
	}
	if p.Line > 0 {
		return fmt.Sprintf("line %d of the manifest", p.Line)
	}
	return "an organization of the manifest"
}

// Seal sets the version and the fingerprint of the file.
func (f *File) Seal() {
	f.Type, f.Version = "plan", version
	f.Fingerprint = f.fingerprint()
}

func (f *File) fingerprint() string {
	bare := *f
	bare.Fingerprint = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "" // no file has an empty fingerprint
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Read reads a plan file. It returns [errors.PlanStale] for a file that was edited.
func Read(name string) (*File, error) {
	file, err := safefile.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, safefile.Error(safefile.Reading, "PLAN", name, err)
	}
	defer file.Close()
	return parse(file, name)
}

// Open opens a plan file and locks it against another process that applies it.
func Open(name string) (*File, *os.File, error) {
	file, err := safefile.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, nil, safefile.Error(safefile.Reading, "PLAN", name, err)
	}
	if err := safefile.Lock(file, name); err != nil {
		file.Close()
		return nil, nil, err
	}
	f, err := parse(file, name)
	if err != nil {
		safefile.Release(file)
		return nil, nil, err
	}
	return f, file, nil
}

func parse(r io.Reader, name string) (*File, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, safefile.Error(safefile.Reading, "PLAN", name, err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if manifest.IsUTF16(text) {
		return nil, fmt.Errorf("%s: the plan file is UTF-16 text: save it as UTF-8", name)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	f := new(File)
	if err := decoder.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: not a plan file: %s", name, fault(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: unexpected data after the plan", name)
	}
	switch {
	case f.Version != version:
		return nil, stale(name, "file version is %d; this program applies version %d", f.Version, version)
	case f.Fingerprint == "" || f.Fingerprint != f.fingerprint():
		return nil, stale(name, "the file was edited")
	case len(f.Organizations) == 0:
		return nil, fmt.Errorf("%s: the list of organizations is empty", name)
	}
	return f, nil
}

// fault describes a JSON error without repeating a part of the text, which may be a secret.
func fault(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("invalid JSON at byte %d", e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("wrong type at byte %d", e.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "truncated JSON"
	}
	return "unknown fields or invalid values"
}

func stale(name, format string, args ...any) error {
	return &errors.Error{
		Provider: "offboard", Operation: "apply", Target: name, Code: errors.PlanStale, Err: fmt.Errorf(format, args...),
	}
}

// Write writes the file atomically. Only its owner can read it, because it lists the
// resources of organizations.
func (f *File) Write(name string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return safefile.Error(safefile.Writing, "--output", name, safefile.Write(name, append(text, '\n')))
}

// IsPlanFile reports whether a text is a plan file of this program, of any version, also
// if it was edited.
func IsPlanFile(text []byte) bool {
	var f struct {
		Version       int               `json:"version"`
		Fingerprint   string            `json:"fingerprint"`
		Organizations []json.RawMessage `json:"organizations"`
	}
	return json.Unmarshal(text, &f) == nil && f.Version > 0 && f.Fingerprint != "" && f.Organizations != nil
}

// ShowUnmatched prints the entries of allow and deny that match no organization. They may
// be misspelled.
func (f *File) ShowUnmatched(out io.Writer) {
	for _, text := range f.Unmatched {
		fmt.Fprintf(out, "%s matches no organization of this plan\n", printable.Text(text))
	}
}

// ShowReplaced prints the entries that name another organization than at an earlier plan.
func (f *File) ShowReplaced(out io.Writer) {
	for _, o := range f.Organizations {
		if o.Plan != nil && o.Replaced != "" {
			fmt.Fprintf(out, "%q now names another organization, %s: the journal shows the deletion of %s\n",
				o.Entry.Organization, printable.Text(o.Plan.Organization.ID), printable.Text(o.Replaced))
		}
	}
}

// Overrides returns the overrides that a plan requires, for an entry on a line of the manifest;
// nil for none.
func (e Entry) Overrides(p *teardown.Plan, line int) *Overrides {
	o := &Overrides{Missing: e.MissingOverrides(p)}
	o.Permitted = slices.DeleteFunc(p.Overrides(), func(c teardown.Override) bool { return slices.Contains(o.Missing, c) })
	switch {
	case len(o.Missing) > 0:
		o.Add, o.Line = "override: ["+format.List(slices.Concat(e.Override, o.Missing))+"]", line
	case len(o.Permitted) == 0:
		return nil
	}
	return o
}

// MissingOverrides returns the overrides that a plan requires and the entry does not have.
func (e Entry) MissingOverrides(p *teardown.Plan) []teardown.Override {
	return slices.DeleteFunc(p.Overrides(), func(c teardown.Override) bool { return slices.Contains(e.Override, c) })
}
