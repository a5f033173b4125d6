// Package review reads what a person decides about: the plan that waits for an approval, from
// the store, and checks that it is the plan whose digest the approval names.
package review

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/internal/confirmation"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Review is an organization's workflow with its plan.
type Review struct {
	// State is the state of the workflow.
	State fleet.State

	// Plan is the plan that waits, or the last one.
	Plan *teardown.Plan

	// Differences is what the plan has that the plan approved before lacks.
	Differences []teardown.Difference
}

// batchPrefix is the start of the IDs of batches.
const batchPrefix = "offboard-batch/"

// IsBatch reports whether an ID is that of a batch.
func IsBatch(id string) bool { return strings.HasPrefix(id, batchPrefix) }

// BatchID returns the ID of the batch of a manifest.
func BatchID(m fleet.ManifestRef) string { return batchPrefix + m.Digest }

// CheckID returns an error if a text cannot be the ID of an organization's workflow. The code is
// [errors.InvalidArgument]. The error does not repeat the text, which may be a secret.
func CheckID(id string) error {
	const give = "give the ID of an organization's workflow, which offboard-fleet status lists"
	_, _, _, err := fleet.ParseWorkflowID(id)
	text := ""
	switch {
	case strings.TrimSpace(id) == "":
		text = "the ID is empty: " + give
	case IsBatch(id):
		text = "the ID is that of a batch: " + give
	case err != nil:
		text = "the text is not the ID of a workflow: " + give
	default:
		return nil
	}
	return &errors.Error{Operation: "Review", Code: errors.InvalidArgument, Err: errors.New(text)}
}

// Load reads the state of a workflow, its plan and its differences. The error is
// [errors.InvalidArgument] for a text that is not the ID of an organization's workflow, and
// [errors.NotConfirmed] if the workflow has no plan, or if the plan in the store does not have the
// digest that the workflow waits for.
func Load(ctx context.Context, e engine.Engine, s fleet.Store, id string) (*Review, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	state, err := e.Status(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case state.Plan == nil && !state.Closed.IsZero():
		return nil, refused("the workflow has ended without a plan: its status is " + state.Status)
	case state.Plan == nil:
		return nil, refused("the workflow has no plan yet")
	}
	r := &Review{State: state}
	if r.Plan, err = fleet.ReadPlan(ctx, s, *state.Plan); err != nil {
		return nil, Unread("plan", err)
	}
	if r.Plan.Digest() != state.Digest {
		return nil, refused("the plan in the store does not have the digest that the workflow waits for: use the storage of the workers, and the version of their program")
	}
	if state.Differences != nil {
		if r.Differences, err = fleet.ReadDifferences(ctx, s, *state.Differences); err != nil {
			return nil, Unread("list of differences", err)
		}
	}
	return r, nil
}

// Decision checks a decision of a person about the plan of the review, and returns it. name is the
// organization's name as the person typed it. The code of an error is [errors.NotConfirmed].
func (r *Review) Decision(digest, name, by, reason string) (fleet.Approval, error) {
	switch {
	case r.State.Result != nil:
		return fleet.Approval{}, refused("the workflow has ended, and its outcome is " + string(r.State.Result.Outcome))
	case !r.State.Closed.IsZero():
		return fleet.Approval{}, refused("the workflow has ended: its status is " + r.State.Status)
	case r.State.WaitingFor != fleet.WaitingForApproval:
		return fleet.Approval{}, refused("the organization does not wait for an approval")
	case digest != r.State.Digest:
		return fleet.Approval{}, refused("the digest is not that of the plan that waits for an approval: review the plan again")
	case !r.named(name) && r.ByID():
		return fleet.Approval{}, refused("the text differs from the organization's ID: the organization has no name that can be typed")
	case !r.named(name):
		return fleet.Approval{}, refused("the name differs from the organization's name")
	case PersonFault(by) != "":
		return fleet.Approval{}, refused(PersonFault(by))
	case ReasonFault(reason) != "":
		return fleet.Approval{}, refused(ReasonFault(reason))
	}
	return fleet.Approval{By: strings.TrimSpace(by), Digest: digest, Reason: strings.TrimSpace(reason)}, nil
}

// Approvable returns an error if the manifest lacks overrides that the plan requires: an approved plan
// could not be applied. The code is [errors.NotConfirmed].
func (r *Review) Approvable() error {
	if len(r.State.Missing) == 0 {
		return nil
	}
	return refused("the plan cannot be approved: it requires overrides that the manifest does not permit: " +
		strings.Join(Overrides(r.State.Missing), ", ") + ". Deny the plan, and start a batch whose manifest permits them")
}

// named reports whether a person gave the organization's name, or the value of [Review.Name]. Spaces
// around a text do not count, because people cannot see them, and an empty one confirms nothing.
func (r *Review) named(given string) bool {
	o := r.Plan.Organization
	given = strings.TrimSpace(given)
	return given != "" && (given == strings.TrimSpace(confirmation.Value(o.Name, o.ID)) || given == strings.TrimSpace(r.Name()))
}

// Name returns what a person types to confirm: the organization's name, or its ID if the name is empty
// or cannot be typed, by the rule of the program offboard.
func (r *Review) Name() string {
	return confirmation.Typed(r.Plan.Organization.Name, r.Plan.Organization.ID)
}

// ByID reports whether [Review.Name] is the ID of the organization, and not its name.
func (r *Review) ByID() bool { return r.Name() != r.Plan.Organization.Name }

// Stamp returns a time for people, in UTC.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Kind counts the steps of one kind. Its texts are printable.
type Kind struct {
	// Name is the name of the kind.
	Name string

	// Steps is the number of its steps.
	Steps int

	// Manual is the number of its manual steps.
	Manual int

	// Requires lists the overrides that its steps require.
	Requires []string

	// After lists the names of the kinds whose steps come before, without its own.
	After []string
}

// Kinds returns the kinds of a plan's steps. A kind follows the kinds that it comes after, except
// where the kinds form a cycle, which the steps cannot.
func Kinds(p *teardown.Plan) []Kind {
	var names []string
	kinds, after := map[string]*Kind{}, map[string]map[string]bool{}
	of := make(map[string]string, len(p.Steps)) // the kind of each step
	for _, s := range p.Steps {
		name := printable.Text(s.Kind)
		of[s.ID] = name
		k := kinds[name]
		if k == nil {
			k = &Kind{Name: name}
			kinds[name], after[name], names = k, map[string]bool{}, append(names, name)
		}
		k.Steps++
		if s.Manual {
			k.Manual++
		}
		for _, o := range s.Requires {
			if text := printable.Text(string(o)); !slices.Contains(k.Requires, text) {
				k.Requires = append(k.Requires, text)
			}
		}
		for _, id := range s.After {
			if before, ok := of[id]; ok && before != name {
				after[name][before] = true
			}
		}
	}
	var ordered []Kind
	placed := map[string]bool{}
	for len(ordered) < len(names) {
		// The first kind of the plan whose predecessors are placed; in a cycle, the first one.
		next := ""
		for _, name := range names {
			if placed[name] {
				continue
			}
			next = cmp.Or(next, name)
			ready := true
			for before := range after[name] {
				ready = ready && placed[before]
			}
			if ready {
				next = name
				break
			}
		}
		placed[next] = true
		ordered = append(ordered, *kinds[next])
	}
	for i := range ordered {
		for _, k := range ordered {
			if after[ordered[i].Name][k.Name] {
				ordered[i].After = append(ordered[i].After, k.Name)
			}
		}
	}
	return ordered
}

// Organizations returns the organizations that steps of a plan delete, in printable form.
func Organizations(p *teardown.Plan) []string {
	var all []string
	for _, s := range p.Steps {
		if s.Organization != nil {
			all = append(all, printable.Text(Named(*s.Organization)))
		}
	}
	return all
}

// Overrides returns the printable names of overrides.
func Overrides(overrides []teardown.Override) []string {
	var names []string
	for _, o := range overrides {
		names = append(names, printable.Text(string(o)))
	}
	return names
}

// MissingOverrides explains [fleet.State.Missing].
const MissingOverrides = "The plan requires these overrides, and the manifest does not permit them. The plan " +
	"cannot be approved: deny it, and start a batch whose manifest permits them."

// Named returns the name and the ID of an organization.
func Named(o teardown.Organization) string {
	if strings.TrimSpace(o.Name) == "" || o.Name == o.ID {
		return o.ID
	}
	return fmt.Sprintf("%s (%s)", o.Name, o.ID)
}

// Message returns the text of an error for people, on one line.
func Message(err error) string {
	return printable.Text(strings.Join(lines.FindAllString(message(err), -1), " "))
}

// lines matches the lines of a text without the spaces around them.
var lines = regexp.MustCompile(`[^\s](?:[^\r\n\t\v\f]*[^\s])?`)

func message(err error) string {
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case !ok || e.Provider != "":
		return err.Error()
	case e.Code == errors.NotFound && slices.Contains([]string{"Status", "Approve", "Deny", "Cancel"}, e.Operation):
		return "no workflow has this ID"
	case e.Operation == "Start" && e.Code == errors.Conflict:
		return "a batch of this manifest is running already"
	case unanswered(e):
		return NoWorker
	case e.Operation == "Status" && e.Code == errors.Unavailable && e.Err != nil:
		return "unavailable: " + e.Err.Error() + " (a worker must run)"
	case e.Err != nil && slices.Contains([]errors.Code{errors.NotConfirmed, errors.InvalidArgument, errors.Conflict}, e.Code):
		return e.Err.Error()
	}
	return err.Error()
}

// NoWorker is the text of an error for which [Unanswered] is true.
const NoWorker = "no worker answers: start one with offboard-fleet worker, with the --queue NAME of the batch if it has one"

// Unanswered reports whether an error shows that no worker answers.
func Unanswered(err error) bool {
	e, ok := errors.AsType[*errors.Error](err)
	return ok && unanswered(e)
}

// unanswered reports whether an error is that of a call that a worker answers, and that ended
// without an answer. The server ends such a call by its own timeout, or resets the stream.
func unanswered(e *errors.Error) bool {
	if e.Code != errors.Unavailable || e.Err == nil || !slices.Contains([]string{"Status", "Approve", "Deny"}, e.Operation) {
		return false
	}
	text := strings.ToLower(e.Err.Error())
	return slices.ContainsFunc([]string{"deadline exceeded", "rst_stream", "no poller seen", "before a worker could process it"}, func(part string) bool { return strings.Contains(text, part) })
}

func refused(text string) error {
	return &errors.Error{Operation: "Review", Code: errors.NotConfirmed, Err: errors.New(text)}
}
