package workspacetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// admit checks the token. Each route does so: for an unknown route, the answer is "not found"
// with any token.
func (s *Server) admit(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		by := s.callers[token]
		switch {
		case by != nil && (by.user.Role != workspace.UserRoleServiceAccount || slices.Contains(s.organizations, by.organization)):
			next(w, r, by)
		case token == "":
			failure(w, http.StatusUnauthorized, 4002)
		case token == ExpiredToken:
			failure(w, http.StatusUnauthorized, 4005)
		default:
			failure(w, http.StatusUnauthorized, 4004)
		}
	}
}

func success(w http.ResponseWriter, data fake.Object) {
	fake.JSON(w, http.StatusOK, fake.Object{"status": true, "data": data})
}

func failure(w http.ResponseWriter, status, code int) {
	fake.JSON(w, status, fake.Object{
		"status": false, "error": fake.Object{"code": code, "message": messages[code]},
	})
}

func (s *Server) listApps(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for _, a := range o.Apps {
		os := r.URL.Query().Get("oss")
		if is(r, "name", a.Name) && (os == "" || slices.Contains(a.OSs, os)) {
			items = append(items, o.app(a))
		}
	}
	page(w, r, items)
}

// findApp returns the index of the app in a request's path, by ID, then by slug; -1 if no app
// has it.
func findApp(r *http.Request, o *Organization) int {
	idOrSlug := r.PathValue("app")
	if i := slices.IndexFunc(o.Apps, func(a App) bool { return strings.EqualFold(a.ID, idOrSlug) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(o.Apps, func(a App) bool { return a.Slug == idOrSlug })
}

func (s *Server) getApp(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	i := findApp(r, o)
	if i < 0 {
		failure(w, http.StatusNotFound, 3001)
		return
	}
	success(w, o.app(o.Apps[i]))
}

func (s *Server) deleteApp(w http.ResponseWriter, r *http.Request, o *Organization, by *caller) {
	i := findApp(r, o)
	switch {
	case i < 0:
		failure(w, http.StatusNotFound, 3001)
	case !o.mayManage(by):
		failure(w, http.StatusUnauthorized, 4001)
	default:
		o.Apps = slices.Delete(o.Apps, i, i+1)
		success(w, fake.Object{"delete": "OK"})
	}
}

func (s *Server) listAppCollaborators(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for _, a := range o.Apps {
		for _, c := range a.Collaborators {
			item := o.collaborator(c)
			item["application"] = fake.Object{"_id": a.ID, "name": a.Name, "slug": a.Slug, "description": ""}
			items = append(items, item)
		}
	}
	page(w, r, items)
}

func (s *Server) listEmployees(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	i := findApp(r, o)
	if i < 0 {
		failure(w, http.StatusNotFound, 3001)
		return
	}
	var items []fake.Object
	for _, e := range o.Apps[i].Employees {
		if is(r, "email", e.User.Email) && tagged(r, e.Tags) {
			items = append(items, fake.Object{
				"id": e.ID, "organization": o.ID, "application": o.Apps[i].ID, "from": e.From,
				"employee": fake.Object{
					"_id": e.User.ID, "email": e.User.Email, "firstName": e.User.FirstName, "lastName": e.User.LastName,
					"tags": orEmpty(e.Tags), "type": workspace.EmployeeTypeTraditional,
				},
				"detected": fake.Object{}, "createdBy": o.Owner.ID, "createdAt": date(o.Created), "updatedAt": date(o.Created),
			})
		}
	}
	page(w, r, items)
}

func (s *Server) listStores(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for _, store := range o.Stores {
		item := fake.Object{
			"id": store.ID, "organization": o.ID, "security": store.Security,
			"branding": fake.Object{"buttonColor": "#0241e3"}, "configuration": fake.Object{"allowPublicPubApps": true},
			"createdBy": o.Owner.ID, "createdAt": date(o.Created), "updatedAt": date(o.Created),
		}
		if store.CustomDomain != "" {
			item["customDomain"] = store.CustomDomain
		}
		items = append(items, item)
	}
	page(w, r, items)
}

func (s *Server) listDevices(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for i := range o.Devices {
		d := &o.Devices[i]
		if d.deleted() || !is(r, "type", string(d.Type)) || !is(r, "subType", string(d.SubType)) ||
			!is(r, "state", d.state()) || !is(r, "name", d.Name) || !is(r, "mdmUserId", d.User.ID) ||
			!tagged(r, d.Tags) || !strings.Contains(d.Name, r.URL.Query().Get("search")) {
			continue
		}
		items = append(items, fake.Object{
			"id": d.ID, "type": d.Type, "subType": d.SubType, "state": d.state(), "organization": o.ID,
			"organizationInfo": fake.Object{"id": o.ID, "name": o.Name},
		})
	}
	page(w, r, items)
}

// disenroll queues the disenrollment of a device, which happens after Offline. A second request
// changes nothing.
func (s *Server) disenroll(w http.ResponseWriter, r *http.Request, o *Organization, by *caller) {
	i := slices.IndexFunc(o.Devices, func(d Device) bool {
		return d.Type == workspace.DeviceTypeAOSP && d.ID == r.PathValue("device") && !d.deleted()
	})
	if i < 0 {
		failure(w, http.StatusNotFound, 3001)
		return
	}
	d := &o.Devices[i]
	switch {
	case !o.mayManage(by):
		failure(w, http.StatusUnauthorized, 4001)
		return
	case d.Unreachable:
		failure(w, http.StatusBadRequest, 5173)
		return
	case d.Disenrolls.IsZero():
		d.Disenrolls = time.Now().Add(d.Offline)
	}
	success(w, fake.Object{"status": true})
}

func (s *Server) profile(w http.ResponseWriter, _ *http.Request, by *caller) {
	u := by.user
	in := s.memberships(u)
	organizations := make([]fake.Object, 0, len(in))
	for _, o := range in {
		organizations = append(organizations, fake.Object{"id": o.ID, "name": o.Name, "slug": o.Slug})
	}
	data := fake.Object{
		"id": u.ID, "email": u.Email, "firstName": u.FirstName, "lastName": u.LastName,
		"fullName": u.FirstName + " " + u.LastName, "role": u.Role, "platformRoles": []fake.Object{},
		"newsletter": false, "hasPassword": true, "has2FAActive": true, "ssoUser": false,
		"organizations": organizations, "language": "en", "verificationStatus": "verified",
	}
	if len(in) > 0 {
		data["organizationId"] = in[0].ID
	}
	success(w, data)
}

func (s *Server) checkSlug(w http.ResponseWriter, r *http.Request, _ *caller) {
	slug := r.PathValue("slug")
	switch {
	case rest.Slug(slug) != nil || strings.HasPrefix(slug, "-") || strings.HasSuffix(slug, "-"):
		success(w, fake.Object{"valid": false, "reason": "The slug has an invalid form."})
	case slices.ContainsFunc(s.organizations, func(o *Organization) bool { return strings.EqualFold(o.Slug, slug) }):
		success(w, fake.Object{"valid": false, "reason": "The slug is in use."})
	default:
		success(w, fake.Object{"valid": true})
	}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, by *caller) {
	var items []fake.Object
	for _, o := range s.seen(by) {
		if is(r, "name", o.Name) && is(r, "slug", o.Slug) {
			items = append(items, object(o))
		}
	}
	page(w, r, items)
}

func (s *Server) get(w http.ResponseWriter, _ *http.Request, o *Organization, _ *caller) {
	success(w, object(o))
}

func (s *Server) workspace(w http.ResponseWriter, _ *http.Request, o *Organization, _ *caller) {
	subscriptions := make([]fake.Object, 0, len(o.Subscriptions))
	for _, subscription := range o.Subscriptions {
		item := fake.Object{"id": subscription.ID, "plan": subscription.Plan, "status": subscription.Status}
		for name, at := range map[string]time.Time{
			"iniDate": subscription.From, "endDate": subscription.Until, "endedAt": subscription.Ended,
		} {
			if !at.IsZero() {
				item[name] = date(at)
			}
		}
		subscriptions = append(subscriptions, item)
	}
	organization := object(o)
	organization["subscriptions"] = subscriptions
	success(w, fake.Object{"organization": organization})
}

func (s *Server) delete(w http.ResponseWriter, _ *http.Request, o *Organization, by *caller) {
	now := time.Now()
	switch {
	case !o.mayOwn(by):
		failure(w, http.StatusUnauthorized, 4001)
		return
	case slices.ContainsFunc(o.Subscriptions, func(subscription Subscription) bool { return subscription.active(now) }):
		failure(w, http.StatusBadRequest, 5111)
		return
	}
	s.organizations = slices.DeleteFunc(s.organizations, func(other *Organization) bool { return other == o })
	s.deleted = append(s.deleted, o.ID)
	success(w, fake.Object{"delete": "OK"})
}

// changeOwner changes the owner of an organization. The new owner becomes a collaborator, and the
// former owner stays as an administrator: Applivery documents neither.
func (s *Server) changeOwner(w http.ResponseWriter, r *http.Request, o *Organization, by *caller) {
	var body struct{ NewOwner string }
	if json.NewDecoder(r.Body).Decode(&body) != nil || rest.Slug(body.NewOwner) != nil {
		failure(w, http.StatusBadRequest, 3001)
		return
	}
	if !o.mayOwn(by) {
		failure(w, http.StatusUnauthorized, 4001)
		return
	}
	known := s.users
	for _, c := range o.Collaborators {
		known = append(known[:len(known):len(known)], c.User)
	}
	i := slices.IndexFunc(known, func(u User) bool {
		return strings.EqualFold(u.ID, body.NewOwner) || u.Slug == body.NewOwner
	})
	if i < 0 {
		failure(w, http.StatusNotFound, 3001)
		return
	}
	if known[i].ID == o.Owner.ID {
		success(w, fake.Object{"changed": false})
		return
	}
	if o.role(known[i]) == "" {
		o.Collaborators = append(o.Collaborators, Collaborator{ID: s.id(), User: known[i]})
	}
	for j := range o.Collaborators {
		switch c := &o.Collaborators[j]; c.User.ID {
		case known[i].ID:
			c.Role = workspace.CollaboratorRoleOwner
		case o.Owner.ID:
			c.Role = workspace.CollaboratorRoleAdmin
		}
	}
	o.Owner = known[i]
	success(w, fake.Object{"changed": true})
}

func (s *Server) listCollaborators(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for _, c := range o.Collaborators {
		if r.URL.Query().Get("onlyUsers") == "true" && c.User.Role == workspace.UserRoleServiceAccount {
			continue
		}
		if is(r, "role", string(c.Role)) && is(r, "email", c.User.Email) && tagged(r, c.Tags) {
			items = append(items, o.collaborator(c))
		}
	}
	page(w, r, items)
}

func (s *Server) listSegments(w http.ResponseWriter, _ *http.Request, o *Organization, _ *caller) {
	success(w, fake.Object{"organizationId": o.ID, "children": tree(o.Segments)})
}

// page writes a page of items, sorted by any of their text members.
func page(w http.ResponseWriter, r *http.Request, items []fake.Object) {
	query := r.URL.Query()
	field, order, _ := strings.Cut(query.Get("sort"), ":")
	slices.SortStableFunc(items, func(a, b fake.Object) int {
		x, _ := a[field].(string)
		y, _ := b[field].(string)
		if order == "desc" {
			x, y = y, x
		}
		return strings.Compare(x, y)
	})
	number, limit := atLeastOne(query.Get("page"), 1), atLeastOne(query.Get("limit"), defaultLimit)
	total := len(items)
	pages := max(1, (total+limit-1)/limit)
	data := fake.Object{
		"items":     orEmpty(items[min((number-1)*limit, total):min(number*limit, total)]),
		"totalDocs": total, "limit": limit, "page": number, "totalPages": pages,
		"hasPrevPage": number > 1, "hasNextPage": number < pages, "prevPage": nil, "nextPage": nil,
	}
	if number > 1 {
		data["prevPage"] = number - 1
	}
	if number < pages {
		data["nextPage"] = number + 1
	}
	success(w, data)
}

// is reports whether a query parameter is absent or equal to a value.
func is(r *http.Request, parameter, value string) bool {
	requested := r.URL.Query().Get(parameter)
	return requested == "" || requested == value
}

// tagged reports whether tags contains all requested tags.
func tagged(r *http.Request, tags []string) bool {
	return !slices.ContainsFunc(r.URL.Query()["tags"], func(requested string) bool { return !slices.Contains(tags, requested) })
}
