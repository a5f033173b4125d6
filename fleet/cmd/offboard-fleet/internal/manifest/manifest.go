// Package manifest reads the manifests of the program: YAML with the keys of the manifests of
// the program offboard, and with the policy of a batch.
package manifest

import (
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/internal/manifest"
	"github.com/offboard-dev/offboard-go/internal/providers"
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

// The keys of the policy of a batch.
const (
	approvalsKey   = "approvals"
	remindEveryKey = "remind_every"
)

// Read reads a manifest and checks it. name is that of its file, which errors contain with the
// line of the fault. No error repeats a value: it may be a secret that was written there by
// mistake.
func Read(r io.Reader, name string) (m fleet.Manifest, err error) {
	text, err := manifest.ReadText(r, name)
	if err != nil {
		return m, err
	}
	s, err := manifest.Parse(text, name, parseYAML, approvalsKey, remindEveryKey)
	if err != nil {
		return m, err
	}
	entries, err := s.Entries()
	if err != nil {
		return m, err
	}
	if m.Policy, err = policy(s); err != nil {
		return m, err
	}
	for i, e := range entries {
		if m.Policy.Approvals == 0 && e.Confirm == "" {
			return m, s.Errorf([]any{"organizations", i, "confirm"}, "confirm is missing: without approvals, it must be the provider's name of the organization")
		}
		o := fleet.Entry{
			Provider: e.Provider, Organization: e.Organization, BaseURL: e.BaseURL, Credentials: e.Credentials,
			Email: e.Email, Reason: e.Reason, Feedback: e.Feedback, Confirm: e.Confirm, Override: e.Override,
		}
		if err, ok := errors.AsType[*errors.Error](o.Spec().Validate()); ok {
			return m, s.Errorf([]any{"organizations", i}, "%v", err.Err)
		}
		m.Organizations = append(m.Organizations, o)
	}
	if m.Allow, err = s.List("allow", entries); err != nil {
		return m, err
	}
	m.Deny, err = s.List("deny", entries)
	return m, err
}

// policy returns the policy of a manifest.
func policy(s *manifest.Source) (p fleet.Policy, err error) {
	approvals, given, err := s.Text(approvalsKey)
	if err != nil {
		return p, err
	}
	if !given {
		return p, s.Errorf(nil, "approvals is missing: set the number of people who must approve each plan: 0, 1 or 2")
	}
	if p.Approvals, err = strconv.Atoi(approvals); err != nil || p.Approvals < 0 || p.Approvals > 2 {
		return p, s.Errorf([]any{approvalsKey}, "approvals must be 0, 1 or 2")
	}
	every, given, err := s.Text(remindEveryKey)
	if err != nil || !given {
		return p, err
	}
	if p.RemindEvery, err = time.ParseDuration(every); err != nil || p.RemindEvery < fleet.MinRemindEvery {
		return p, s.Errorf([]any{remindEveryKey}, "remind_every must be a duration of at least 1h, such as 24h")
	}
	return p, nil
}

// CheckSpec returns an error if a spec names an environment variable that a manifest must not
// name. Workers check it again, because the store may have a manifest of another program.
func CheckSpec(spec offboard.Spec) error {
	i := slices.IndexFunc(providers.All, func(p providers.Provider) bool { return p.Name == providers.Name(spec.Provider) })
	if i < 0 {
		return nil // Open returns the error of an unknown provider
	}
	if fault := providers.All[i].VariableFault(spec.Credentials); fault != nil {
		return &errors.Error{Operation: "Open", Code: errors.InvalidArgument, Err: fault}
	}
	return nil
}
