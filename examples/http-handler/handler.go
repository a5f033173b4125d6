package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
)

// newHandler returns the endpoints:
//
//	POST /organizations/{id}/offboarding  {"confirm":"NAME"}
//	  202  the request is stored, now or before, and not finished; Location is the path of the status
//	  200  the offboarding is finished; Location is the path of its status
//	  400  the body is not JSON of this form, or the name is empty
//	  404  the service does not have the organization
//	  409  an operator must act on the earlier request first; Location is the path of its status
//	  500  the request was not stored
//	  503  the service stops; Retry-After is the time to wait
//	GET /organizations/{id}/offboarding
//	  200  the status; while the offboarding is in progress, Retry-After is the time until the next read
//	  404  no offboarding was requested
//	  500  the status cannot be read
//
// In addition, both answer what authorize writes, 403 to a request of another site that changes
// something, and 404 and 405 to other paths and methods.
//
// authorize wraps every endpoint. It must let only those users pass who may delete the
// organization in the path, r.PathValue("id"): this handler checks nothing else.
func newHandler(s *service, authorize func(http.Handler) http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /organizations/{id}/offboarding", authorize(http.HandlerFunc(s.post)))
	mux.Handle("GET /organizations/{id}/offboarding", authorize(http.HandlerFunc(s.get)))
	// A page of another site must not delete an organization with the user's cookies.
	return http.NewCrossOriginProtection().Handler(mux)
}

// post requests the offboarding. It is idempotent without a key: an organization has one
// offboarding, and a repeated request returns it.
func (s *service) post(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Confirm string `json:"confirm"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || strings.TrimSpace(body.Confirm) == "" {
		respond(w, http.StatusBadRequest, status{Text: "The name of the organization is required, as \"confirm\"."})
		return
	}
	id := r.PathValue("id")
	j, started, err := s.request(r.Context(), id, body.Confirm)
	code := http.StatusAccepted
	switch {
	case errors.Is(err, errUnknownOrganization):
		respond(w, http.StatusNotFound, status{Text: "The organization does not exist."})
		return
	case errors.Is(err, errStopping):
		w.Header().Set("Retry-After", "10")
		respond(w, http.StatusServiceUnavailable, status{Text: "The service restarts. Try again in a moment."})
		return
	case errors.Is(err, errNeedsOperator):
		code = http.StatusConflict
	case err != nil:
		s.logger.Error("cannot store request", "id", id, "error", err)
		respond(w, http.StatusInternalServerError, status{Text: "The request was not stored. Try again later."})
		return
	case !started:
		code = http.StatusOK
	}
	w.Header().Set("Location", "/organizations/"+url.PathEscape(id)+"/offboarding")
	respond(w, code, statusOf(j))
}

// get returns the status. It reads only what the service has stored, and sends no request to
// the provider.
func (s *service) get(w http.ResponseWriter, r *http.Request) {
	j, progress, err := s.find(r.PathValue("id"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		respond(w, http.StatusNotFound, status{Text: "No offboarding was requested."})
		return
	case err != nil:
		s.logger.Error("cannot read job", "id", r.PathValue("id"), "error", err)
		respond(w, http.StatusInternalServerError, status{Text: "The status cannot be read. Try again later."})
		return
	}
	if j.State == offboarding.Queued {
		wait := max(time.Until(j.NotBefore), 2*time.Second).Truncate(time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	answer := statusOf(j)
	answer.Done, answer.Total = progress.Done, progress.Total
	respond(w, http.StatusOK, answer)
}

// status is the JSON form of a job for the user. It has no message of the provider and no error
// text, because these are for operators: the references lead them to the stored errors.
type status struct {
	State string `json:"state,omitempty"` // in_progress, deleted, accepted, action_required or failed
	Text  string `json:"text"`

	// Steps are the blockers that the user removes, if the state is action_required.
	Steps []errors.Step `json:"steps,omitempty"`

	// Done and Total count the steps of the attempt that runs.
	Done  int `json:"done,omitempty"`
	Total int `json:"total,omitempty"`

	// References are the provider's request IDs of the errors, for a support ticket.
	References []string   `json:"references,omitempty"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty"`
}

// statusOf returns the status of a job. The errors may come from memory or from a file.
func statusOf(j offboarding.Job) status {
	st := status{Text: j.Action.Text(), UpdatedAt: &j.UpdatedAt}
	switch {
	case j.State == offboarding.Queued:
		st.State, st.Text = "in_progress", offboarding.Retry.Text()
		return st
	case j.Action == offboarding.AskUser:
		st.State, st.Steps = "action_required", j.Decision().Steps
	case j.State == offboarding.Finished:
		st.State = string(j.Action)
	default:
		st.State = "failed"
	}
	for _, e := range j.Errors {
		if e.RequestID != "" {
			st.References = append(st.References, e.RequestID)
		}
	}
	return st
}

func respond(w http.ResponseWriter, code int, body status) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may have disconnected
}
