package teardown

import (
	"github.com/offboard-dev/offboard-go/errors"
)

// Recorded returns the report of the runs of a plan that the entries of journals record, such as of a
// run whose process ended without a report; nil if the entries record no run of the plan.
//
// A step that was started and has no result is [StepInterrupted]. If the organization has no result,
// the outcome is [Unknown] if a deletion was started that the provider has not refused, and otherwise
// [Stopped]. Errors have the codes and texts of the entries.
func Recorded(entries []Entry, p *Plan) *Report {
	known := recordOf(entries, p)
	if !known.started {
		return nil
	}
	r := &Report{Provider: p.Provider, Instance: p.Instance, Organization: p.Organization, Outcome: Stopped}
	index := make(map[string]int, len(p.Steps))
	for i, s := range p.Steps {
		index[s.ID] = i
		r.Steps = append(r.Steps, StepReport{Step: s, State: StepNotStarted})
	}
	ofPlan := false
	var result *Entry // of the last run
	for _, e := range entries {
		if !e.isAbout(p) {
			continue
		}
		if e.Step == "" && e.Kind == EntryStarted {
			ofPlan = e.Plan == p.Fingerprint
		}
		if e.Plan != p.Fingerprint && !(e.Plan == "" && ofPlan) || e.Kind == EntryPlanned {
			continue
		}
		if r.StartedAt.IsZero() {
			r.StartedAt = e.Time
		}
		r.FinishedAt = e.Time
		if e.Step == "" {
			result = nil
			if e.Kind == EntryFinished {
				result = &e
			}
		} else if i, ok := index[e.Step]; ok {
			r.Steps[i].record(e)
		}
	}
	switch {
	case result != nil:
		r.Outcome, r.Err = result.Outcome, result.err()
	case known.deletionOpen > 0:
		r.Outcome, r.Err = Unknown, r.unfinished(errors.OutcomeUnknown)
	default:
		r.Err = r.unfinished(errors.NotFinished)
	}
	return r
}

// unfinished returns the error of runs without a result.
func (r *Report) unfinished(code errors.Code) error {
	return &errors.Error{Provider: r.Provider, Operation: "Teardown", Target: r.Organization.ID, Code: code, Steps: remaining(r.Steps)}
}

// record sets the state of a step by an entry about it. A step that was deleted stays deleted, also if
// a later run found it deleted already.
func (r *StepReport) record(e Entry) {
	switch {
	case e.Kind == EntryStarted:
		r.State, r.StartedAt, r.FinishedAt, r.Err = StepInterrupted, e.Time, e.Time, nil
		r.Attempts++
	case e.Kind == EntryFinished && !(r.State.deleted() && e.State.deleted()):
		r.State, r.FinishedAt, r.RequestID, r.Err = e.State, e.Time, e.RequestID, e.err()
	}
}

// err returns the error of an entry; nil for none.
func (e Entry) err() error {
	if e.Code == "" && e.Error == "" {
		return nil
	}
	return &errors.Error{Provider: e.Provider, Operation: "Teardown", Target: e.Step, Code: e.Code, RequestID: e.RequestID, Err: errors.New(e.Error)}
}
