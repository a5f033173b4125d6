package teardown_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// shelf is a driver of a provider that this module does not support. Its organizations contain
// databases, which are deleted some time after the request.
type shelf struct{ url string }

// database is an item of the list of databases.
type database struct{ ID, Name, State string }

// call sends a request. The codes of its errors determine which attempts the engine retries.
func (s shelf) call(ctx context.Context, method, path string, missing errors.Code, into any) error {
	fail := func(status int, code errors.Code, err error) error {
		return &errors.Error{Provider: "shelf", Operation: method, Target: path, Status: status, Code: code, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, nil)
	if err != nil {
		return fail(0, errors.InvalidArgument, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fail(0, errors.Unavailable, err) // the removal may be executed: a poll decides
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		// Only the provider's own body proves absence: a proxy may answer 404, too.
		var body struct{ Code string }
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Code != "not_found" {
			return fail(404, errors.UnexpectedResponse, err)
		}
		return fail(404, missing, nil)
	case resp.StatusCode == http.StatusConflict:
		return fail(409, errors.Conflict, nil)
	case resp.StatusCode >= 500:
		return fail(resp.StatusCode, errors.Unavailable, nil)
	case resp.StatusCode >= 300:
		return fail(resp.StatusCode, errors.UnexpectedResponse, nil)
	case into == nil:
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fail(resp.StatusCode, errors.UnexpectedResponse, err)
	}
	return nil
}

func (s shelf) databases(ctx context.Context, organization string) (all []database, err error) {
	err = s.call(ctx, http.MethodGet, "/organizations/"+organization+"/databases", errors.OrganizationNotFound, &all)
	return all, err
}

func (s shelf) Provider() (name, instance string) { return "shelf", s.url }

func (s shelf) Inspect(ctx context.Context, o teardown.Organization, _ *teardown.Plan) (*teardown.Plan, error) {
	if err := s.call(ctx, http.MethodGet, "/organizations/"+o.ID, errors.OrganizationNotFound, &o); err != nil {
		return nil, err
	}
	all, err := s.databases(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	p := &teardown.Plan{Provider: "shelf", Instance: s.url, Organization: o}
	for _, d := range all {
		p.Steps = append(p.Steps, teardown.Step{
			ID: "database/" + d.ID, Kind: "database", Name: d.Name,
			Why: "an organization with databases is not deleted", Removal: "DELETE /databases/{id}",
		})
	}
	return p, nil
}

// Act requests the removal. The list of databases shows its end.
func (s shelf) Act(ctx context.Context, o teardown.Organization, step teardown.Step) (teardown.Progress, error) {
	err := s.call(ctx, http.MethodDelete, "/databases/"+step.ID[len("database/"):], errors.NotFound, nil)
	return teardown.Progress{State: teardown.ProgressDeleting, Next: teardown.Wait{
		Group: "databases of " + o.ID, Class: "database", Expect: 20 * time.Millisecond,
	}}, err
}

// Poll reads one list for all steps that wait. The list has one page, so that it proves
// absence; with several pages, each database must be read by itself.
func (s shelf) Poll(ctx context.Context, o teardown.Organization, group string, steps []teardown.Step) ([]teardown.Progress, error) {
	all, err := s.databases(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	progress := make([]teardown.Progress, len(steps))
	for i, step := range steps {
		progress[i].State = teardown.ProgressNotFound
		for _, d := range all {
			switch {
			case step.ID != "database/"+d.ID:
			case d.State == "deleting":
				progress[i] = teardown.Progress{State: teardown.ProgressDeleting, Text: d.Name + " is being deleted", Next: teardown.Wait{Group: group, Class: "database"}}
			default:
				progress[i] = teardown.Progress{State: teardown.ProgressExists}
			}
		}
	}
	return progress, nil
}

// Delete returns no error only if a read shows that the organization does not exist. A read
// decides also after a lost answer, because the provider may have executed the request.
func (s shelf) Delete(ctx context.Context, o teardown.Organization) (teardown.Deletion, error) {
	sent := s.call(ctx, http.MethodDelete, "/organizations/"+o.ID, errors.OrganizationNotFound, nil)
	if errors.Is(sent, errors.Conflict) || errors.Is(sent, errors.OrganizationNotFound) {
		return teardown.Deletion{}, sent // the provider refused the request
	}
	read := s.call(ctx, http.MethodGet, "/organizations/"+o.ID, errors.OrganizationNotFound, nil)
	switch {
	case errors.Is(read, errors.OrganizationNotFound):
		return teardown.Deletion{Outcome: teardown.Deleted}, nil
	case read == nil && sent != nil: // the organization exists
		return teardown.Deletion{}, sent
	}
	return teardown.Deletion{}, &errors.Error{Provider: "shelf", Operation: "Delete", Target: o.ID, Code: errors.OutcomeUnknown, Err: errors.Join(sent, read)}
}

// A driver of another provider needs public packages only.
func ExampleDriver() {
	srv := newShelfServer() // in place of the real service
	defer srv.Close()

	ctx, d := context.Background(), shelf{srv.URL}
	plan, err := teardown.NewPlan(ctx, d, teardown.Organization{ID: "42"})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := teardown.Execute(ctx, d, plan, teardown.WithConfirm("Acme"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range report.Steps {
		fmt.Println(s.ID, s.State)
	}
	fmt.Println(report.Organization.Name, report.Outcome)
	// Output:
	// database/1 deleted
	// database/2 deleted
	// Acme deleted
}

// newShelfServer serves the API of the provider, with one organization.
func newShelfServer() *httptest.Server {
	var mu sync.Mutex
	deleted, started := false, map[string]time.Time{}
	lasts := func(id string) bool {
		at, ok := started[id]
		return !ok || time.Since(at) < 10*time.Millisecond
	}
	mux := http.NewServeMux()
	handle := func(pattern string, f func(w http.ResponseWriter, r *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if deleted {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, `{"code": "not_found"}`)
				return
			}
			f(w, r)
		})
	}
	handle("GET /organizations/42", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"id": "42", "name": "Acme"}`)
	})
	handle("GET /organizations/42/databases", func(w http.ResponseWriter, _ *http.Request) {
		all := []database{}
		for id, name := range map[string]string{"1": "orders", "2": "users"} {
			if state := "ready"; lasts(id) {
				if _, ok := started[id]; ok {
					state = "deleting"
				}
				all = append(all, database{id, name, state})
			}
		}
		if len(all) == 2 && all[0].ID > all[1].ID {
			all[0], all[1] = all[1], all[0]
		}
		_ = json.NewEncoder(w).Encode(all)
	})
	handle("DELETE /databases/{id}", func(w http.ResponseWriter, r *http.Request) {
		started[r.PathValue("id")] = time.Now()
		w.WriteHeader(http.StatusAccepted)
	})
	handle("DELETE /organizations/42", func(w http.ResponseWriter, _ *http.Request) {
		if lasts("1") || lasts("2") {
			w.WriteHeader(http.StatusConflict)
			return
		}
		deleted = true
		w.WriteHeader(http.StatusNoContent)
	})
	return httptest.NewServer(mux)
}
