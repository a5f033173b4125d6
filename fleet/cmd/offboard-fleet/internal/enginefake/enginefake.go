// Package enginefake has an engine and a store in memory, for tests.
package enginefake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Engine is an engine in memory. Set its fields before use. It checks approvals by the rules of
// package fleet.
type Engine struct {
	// Listed are the workflows of List, in their order.
	Listed []fleet.Listed

	// States are the states of the workflows by their IDs. Approve and Deny change them. Without a
	// status, a workflow with a result has completed, and another one runs.
	States map[string]fleet.State

	// Batches are the states of batches by their IDs.
	Batches map[string]fleet.BatchState

	// Polls are the answers of Polled, in their order. The last one repeats; true without any.
	Polls []bool

	// Queues are the task queues of workflows by their IDs; "offboard" for all others.
	Queues map[string]string

	// NoWorker is the error of the methods that a worker answers; nil for none.
	NoWorker error

	// Err is the error of all methods; nil for none.
	Err error

	mu       sync.Mutex
	started  []fleet.ManifestRef
	canceled []string
}

var _ engine.Engine = (*Engine)(nil)

// Started returns the manifests of all batches that were started.
func (e *Engine) Started() []fleet.ManifestRef {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.started)
}

// Canceled returns the IDs of all workflows that were canceled.
func (e *Engine) Canceled() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.canceled)
}

// Start implements [engine.Engine].
func (e *Engine) Start(_ context.Context, manifest fleet.ManifestRef) (fleet.Batch, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Err != nil {
		return fleet.Batch{}, e.Err
	}
	id := "offboard-batch/" + manifest.Digest
	if e.Batches[id].Status == "Running" {
		return fleet.Batch{}, &errors.Error{Operation: "Start", Code: errors.Conflict}
	}
	e.started = append(e.started, manifest)
	return fleet.Batch{ID: id, Run: "run-1"}, nil
}

// List implements [engine.Engine].
func (e *Engine) List(_ context.Context, f fleet.Filter) iter.Seq2[fleet.Listed, error] {
	return func(yield func(fleet.Listed, error) bool) {
		if e.Err != nil {
			yield(fleet.Listed{}, e.Err)
			return
		}
		for _, l := range e.Listed {
			switch {
			case f.Provider != "" && f.Provider != l.Provider, f.Outcome != "" && f.Outcome != l.Outcome, f.Batch != "" && f.Batch != l.Batch,
				f.WaitingFor != "" && f.WaitingFor != l.WaitingFor, f.Running && l.Status != "Running":
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// ListBatches implements [engine.Engine]. It yields Batches in the order of their IDs.
func (e *Engine) ListBatches(context.Context) iter.Seq2[fleet.BatchListed, error] {
	return func(yield func(fleet.BatchListed, error) bool) {
		if e.Err != nil {
			yield(fleet.BatchListed{}, e.Err)
			return
		}
		for _, id := range slices.Sorted(maps.Keys(e.Batches)) {
			s := e.Batches[id]
			if !yield(fleet.BatchListed{ID: id, Status: s.Status, Closed: s.Closed}, nil) {
				return
			}
		}
	}
}

// Polled implements [engine.Engine].
func (e *Engine) Polled(context.Context, string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.Polls) == 0 {
		return true, nil
	}
	polled := e.Polls[0]
	if len(e.Polls) > 1 {
		e.Polls = e.Polls[1:]
	}
	return polled, nil
}

// Queue implements [engine.Engine].
func (e *Engine) Queue(_ context.Context, id string) (string, error) {
	return cmp.Or(e.Queues[id], fleet.DefaultQueue), e.Err
}

// Status implements [engine.Engine].
func (e *Engine) Status(_ context.Context, id string) (fleet.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.States[id]
	if err := cmp.Or(e.Err, e.NoWorker); err != nil {
		return fleet.State{}, err
	}
	if !ok {
		return fleet.State{}, &errors.Error{Operation: "Status", Code: errors.NotFound}
	}
	if s.Status == "" {
		s.Status = "Running"
		if s.Result != nil {
			s.Status = "Completed"
		}
	}
	return s, nil
}

// BatchStatus implements [engine.Engine].
func (e *Engine) BatchStatus(_ context.Context, id string) (fleet.BatchState, error) {
	s, ok := e.Batches[id]
	if err := cmp.Or(e.Err, e.NoWorker); err != nil {
		return fleet.BatchState{}, err
	}
	if !ok {
		return fleet.BatchState{}, &errors.Error{Operation: "Status", Code: errors.NotFound}
	}
	return s, nil
}

// Approve implements [engine.Engine].
func (e *Engine) Approve(_ context.Context, id string, a fleet.Approval) (fleet.State, error) {
	return e.decide(id, a, func(s *fleet.State) error {
		if len(s.Missing) > 0 {
			return errors.New("the plan requires overrides that the manifest does not permit")
		}
		for _, other := range s.Approvals {
			if strings.EqualFold(other.By, a.By) {
				return errors.New("this person has approved the plan already: another person must approve")
			}
		}
		s.Approvals = append(slices.Clone(s.Approvals), a)
		if len(s.Approvals) >= s.Required {
			s.WaitingFor = fleet.WaitingForNothing
		}
		return nil
	})
}

// Deny implements [engine.Engine].
func (e *Engine) Deny(_ context.Context, id string, a fleet.Approval) (fleet.State, error) {
	return e.decide(id, a, func(s *fleet.State) error {
		s.Denied, s.WaitingFor = &a, fleet.WaitingForNothing
		return nil
	})
}

func (e *Engine) decide(id string, a fleet.Approval, change func(*fleet.State) error) (fleet.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.States[id]
	var err error
	switch {
	case e.Err != nil:
		return fleet.State{}, e.Err
	case !ok:
		return fleet.State{}, &errors.Error{Operation: "Approve", Code: errors.NotFound}
	case s.WaitingFor != fleet.WaitingForApproval:
		err = errors.New("the organization does not wait for an approval")
	case a.Digest != s.Digest:
		err = errors.New("the digest is not that of the plan that waits for an approval: read the plan again")
	default:
		err = change(&s)
	}
	if err != nil {
		return fleet.State{}, &errors.Error{Operation: "Approve", Code: errors.NotConfirmed, Err: err}
	}
	e.States[id] = s
	return s, nil
}

// Cancel implements [engine.Engine].
func (e *Engine) Cancel(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.States[id]
	switch _, batch := e.Batches[id]; {
	case e.Err != nil:
		return e.Err
	case !ok && !batch:
		return &errors.Error{Operation: "Cancel", Code: errors.NotFound}
	case s.Result != nil:
		return &errors.Error{Operation: "Cancel", Code: errors.Conflict, Err: errors.New("the workflow has ended: its status is Completed")}
	}
	e.canceled = append(e.canceled, id)
	return nil
}

// Store is a store in memory. The zero value is empty.
type Store struct {
	mu    sync.Mutex
	blobs map[string][]byte
}

var _ fleet.Store = (*Store)(nil)

// Put implements [fleet.Store].
func (s *Store) Put(_ context.Context, key string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs == nil {
		s.blobs = map[string][]byte{}
	}
	s.blobs[key] = slices.Clone(content)
	return nil
}

// Get implements [fleet.Store].
func (s *Store) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.blobs[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(content), nil
}

// Delete implements [fleet.Store].
func (s *Store) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, key)
	return nil
}

// Keys returns the keys of all blobs, sorted.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.blobs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// PutJSON stores a value as the workers do, and returns its reference.
func PutJSON(t testing.TB, s fleet.Store, value any) *fleet.Ref {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	ref := &fleet.Ref{Key: "blobs/" + hex.EncodeToString(sum[:]), Digest: hex.EncodeToString(sum[:])}
	if err := s.Put(t.Context(), ref.Key, text); err != nil {
		t.Fatal(err)
	}
	return ref
}

// Wait adds a workflow that waits for the approval of a plan, and returns its ID.
func (e *Engine) Wait(t testing.TB, s fleet.Store, p *teardown.Plan, state fleet.State) string {
	t.Helper()
	state.ID = fleet.WorkflowID(p.Provider, p.Instance, p.Organization.ID)
	state.Provider, state.WaitingFor = p.Provider, fleet.WaitingForApproval
	state.Plan, state.Digest, state.Steps = PutJSON(t, s, p), p.Digest(), len(p.Steps)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.States == nil {
		e.States = map[string]fleet.State{}
	}
	e.States[state.ID] = state
	e.Listed = append(e.Listed, fleet.Listed{ID: state.ID, Provider: p.Provider, WaitingFor: state.WaitingFor, Status: "Running"})
	return state.ID
}
