package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// planFileVersion is the version of the format of plan files.
const planFileVersion = 1

// planFile contains the plans of a manifest. apply reads only this file, not the manifest.
type planFile struct {
	Version       int       `json:"version"`
	Allow         []string  `json:"allow,omitempty"` // IDs, as those of Deny
	Deny          []string  `json:"deny,omitempty"`
	Unmatched     []string  `json:"unmatched,omitempty"` // entries of allow and deny that match no organization
	Organizations []planned `json:"organizations"`

	// Fingerprint is the SHA-256 of all other fields. It detects an accidental edit.
	Fingerprint string `json:"fingerprint"`
}

// planned is an entry of the manifest and its plan.
type planned struct {
	Entry entry `json:"entry"`

	// Plan is nil if the organization could not be planned; Problem is the error.
	Plan    *teardown.Plan `json:"plan,omitempty"`
	Problem *problem       `json:"problem,omitempty"`

	// Organization, Line and ExitCode are set for an organization without a plan: the
	// provider's ID and name, if it found the organization, the line in the manifest, and
	// the exit code of the problem for every command.
	Organization *teardown.Organization `json:"organization,omitempty"`
	Line         int                    `json:"line,omitempty"`
	ExitCode     int                    `json:"exit_code,omitempty"`

	// NameDiffers is true if there is no plan because the name in the manifest differs from
	// the provider's. apply then refuses the whole file.
	NameDiffers bool `json:"name_differs,omitempty"`
}

// subject returns the organization without texts that must not be shown.
func (p planned) subject() teardown.Organization {
	switch {
	case p.Plan != nil:
		return p.Plan.Organization
	case p.Organization != nil:
		return *p.Organization
	}
	return teardown.Organization{ID: p.Entry.bare().Organization}
}

// code returns the exit code of an organization without a plan.
func (p planned) code() int {
	if knownExitCode(p.ExitCode) && p.ExitCode != exitOK {
		return p.ExitCode
	}
	return exitFailed
}

// misnamed reports whether the name in the manifest differs from the provider's name.
func (p planned) misnamed() bool {
	if p.Plan != nil {
		return p.Entry.Confirm != "" && !confirms(p.Entry.Confirm, p.Plan.Organization)
	}
	return p.NameDiffers
}

// failed returns an error about an organization of the file.
func (*planFile) failed(i int, err error) error {
	return fmt.Errorf("organization %d of the plan file: %w", i+1, err)
}

// title returns the name of the organization for people: its name, its ID, or its line in
// the manifest.
func (p planned) title() string {
	if name := confirmation(p.subject()); name != "" {
		return printable.Text(name)
	}
	if p.Line > 0 {
		return fmt.Sprintf("line %d of the manifest", p.Line)
	}
	return "an organization of the manifest"
}

func (f *planFile) seal() {
	f.Version = planFileVersion
	f.Fingerprint = f.fingerprint()
}

func (f *planFile) fingerprint() string {
	bare := *f
	bare.Fingerprint = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "" // no file has an empty fingerprint
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readPlanFile reads a plan file. It returns [errors.PlanStale] for a file that was edited.
func readPlanFile(name string) (*planFile, error) {
	file, err := openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, fileError("PLAN", name, err)
	}
	defer file.Close()
	return parsePlanFile(file, name)
}

// openPlan opens a plan file and locks it against another process that applies it.
func openPlan(name string) (*planFile, *os.File, error) {
	file, err := openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, nil, fileError("PLAN", name, err)
	}
	if err := lockFile(file, name); err != nil {
		file.Close()
		return nil, nil, err
	}
	f, err := parsePlanFile(file, name)
	if err != nil {
		release(file)
		return nil, nil, err
	}
	return f, file, nil
}

func parsePlanFile(r io.Reader, name string) (*planFile, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	f := new(planFile)
	if err := decoder.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: not a plan file: %s", name, fault(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: unexpected data after the plan", name)
	}
	switch {
	case f.Version != planFileVersion:
		return nil, stale(name, "file version is %d; this program applies version %d", f.Version, planFileVersion)
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

// write writes the file atomically. Only its owner can read it, because it lists the
// resources of organizations.
func (f *planFile) write(name string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return fileError("--output", name, writeWhole(name, append(text, '\n')))
}

// isPlanFile reports whether a text is a plan file of this program, of any version, also
// if it was edited.
func isPlanFile(text []byte) bool {
	var f struct {
		Version       int               `json:"version"`
		Fingerprint   string            `json:"fingerprint"`
		Organizations []json.RawMessage `json:"organizations"`
	}
	return json.Unmarshal(text, &f) == nil && f.Version > 0 && f.Fingerprint != "" && f.Organizations != nil
}
