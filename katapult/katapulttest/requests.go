package katapulttest

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"

	"github.com/offboard-dev/offboard-go/internal/fake"
)

// request is a request that was admitted, and where its answer goes.
type request struct {
	*http.Request
	w    http.ResponseWriter
	body map[string]json.RawMessage
}

// handle plays an operation, alone: all that has become due by now is done before.
func (s *Server) handle(play func(*request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle()
		q := &request{Request: r, w: w}
		if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType == "application/json" {
			_ = json.NewDecoder(r.Body).Decode(&q.body)
		}
		play(q)
	}
}

func (q *request) answer(status int, body fake.Object) { fake.JSON(q.w, status, body) }

func (q *request) fail(status int, code string, detail fake.Object) {
	failure(q.w, status, code, detail)
}

func (q *request) refuse(r *refusal) { q.fail(r.status, r.code, r.detail) }

func (q *request) notFound(noun string) {
	q.fail(http.StatusNotFound, noun+"_not_found", nil)
}

// lookup reads the lookup of something, in the query or in the body, which wins.
// Without one, as with a body that is not declared to be JSON, the path's own
// segment is taken for the id. It answers itself when there are two.
func (q *request) lookup(noun string, keys ...string) (key, value string, ok bool) {
	var inBody map[string]*string
	_ = json.Unmarshal(q.body[noun], &inBody)
	query := q.URL.Query()
	found := 0
	for _, k := range keys {
		name := noun + "[" + k + "]"
		switch {
		case inBody[k] != nil:
			key, value = k, *inBody[k]
		case query.Has(name):
			key, value = k, query.Get(name)
		default:
			continue
		}
		found++
	}
	switch found {
	case 0:
		return "id", q.PathValue(noun), true
	case 1:
		return key, value, true
	}
	q.fail(http.StatusBadRequest, "invalid_argument", fake.Object{
		"issue": "ambiguous_lookup_values", "path": []string{noun}, "errors": []string{},
	})
	return "", "", false
}

// text reads an argument of the body.
func (q *request) text(name string) string {
	var text string
	_ = json.Unmarshal(q.body[name], &text)
	return text
}

// page answers with one page of a list. Pages count from 1, and one beyond the end is
// empty.
func (s *Server) page(q *request, property string, all []fake.Object) {
	number, size := q.count("page", 1), q.count("per_page", 30)
	if s.maxPage > 0 {
		size = min(size, s.maxPage)
	}
	first := min((number-1)*size, len(all))
	items := all[first:min(first+size, len(all))]
	pagination := fake.Object{
		"current_page": number, "per_page": size, "large_set": s.large,
		"total_pages": (len(all) + size - 1) / size, "total": len(all),
	}
	if s.large {
		pagination["total_pages"], pagination["total"] = nil, nil
	}
	q.answer(http.StatusOK, fake.Object{"pagination": pagination, property: append([]fake.Object{}, items...)})
}

func (q *request) count(name string, otherwise int) int {
	if n, err := strconv.Atoi(q.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// inOrganization finds the organization that a request is about.
func (s *Server) inOrganization(next func(*request, *Organization)) http.HandlerFunc {
	return s.handle(func(q *request) {
		key, value, ok := q.lookup("organization", "id", "sub_domain")
		if !ok {
			return
		}
		for _, o := range s.organizations {
			if key == "id" && o.ID != value || key == "sub_domain" && o.SubDomain != value {
				continue
			}
			switch {
			case o.Suspended:
				q.fail(http.StatusForbidden, "organization_suspended", nil)
			case o.NotActivated:
				q.fail(http.StatusForbidden, "organization_not_activated", nil)
			default:
				next(q, o)
			}
			return
		}
		q.notFound("organization")
	})
}

// about finds the thing of a kind that a request is about. What is in the trash is
// not to be worked with.
func (s *Server) about(k *kind, next func(*request, *thing)) http.HandlerFunc {
	return s.handle(func(q *request) {
		keys := []string{"id"}
		if k.second != "" {
			keys = append(keys, k.second)
		}
		key, value, ok := q.lookup(k.lookup, keys...)
		if !ok {
			return
		}
		t := s.first(func(t *thing) bool {
			return t.kind == k && value != "" && (key == "id" && t.id == value || key != "id" && t.second == value)
		})
		switch {
		case t == nil:
			q.notFound(k.noun)
		case !t.present():
			q.refuse(t.inTrash())
		default:
			next(q, t)
		}
	})
}
