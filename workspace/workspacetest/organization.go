package workspacetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Organization is an organization at the double. All that it has goes with it, and
// only subscriptions stand in the way of that. What has no ID is given one.
type Organization struct {
	ID   string // 24 hexadecimal digits
	Slug string // ID, if it is empty
	Name string // Slug, if it is empty

	// Owner is the user of [Token] if it is empty.
	Owner User

	Subscriptions []Subscription
	Collaborators []Collaborator // beside the owner
	Apps          []App
	Stores        []Store
	Segments      []Segment
	Devices       []Device

	Created time.Time // now, if it is zero
}

// Subscription is a subscription of an organization. As long as it has not ended
// the organization cannot be deleted.
type Subscription struct {
	ID     string
	Plan   string
	Status string // shown, and without effect

	From, Until time.Time // of the present period; not shown when zero
	Ended       time.Time // zero: it has not
}

// active reports whether a subscription keeps its organization.
func (s Subscription) active(now time.Time) bool { return s.Ended.IsZero() || s.Ended.After(now) }

// User is somebody with a token or a role.
type User struct {
	ID        string
	FirstName string // a name like any other, if it is empty
	LastName  string // likewise
	Email     string // made of the names, if it is empty
	Slug      string // made of the names, if it is empty
	Role      workspace.UserRole
}

// complete fills in what is empty.
func (u User) complete() User {
	u.FirstName, u.LastName = cmp.Or(u.FirstName, "Jo"), cmp.Or(u.LastName, "Doe")
	u.Slug = cmp.Or(u.Slug, strings.ToLower(u.FirstName+"-"+u.LastName))
	u.Email = cmp.Or(u.Email, strings.ToLower(u.FirstName+"."+u.LastName)+"@example.com")
	u.Role = cmp.Or(u.Role, workspace.UserRoleUser)
	return u
}

// Collaborator is somebody who has a role in an organization or with an app.
type Collaborator struct {
	ID   string
	User User
	Role workspace.CollaboratorRole // viewer, if it is empty
	Tags []string
}

// Segment is a part of an organization.
type Segment struct {
	ID       int
	Name     string
	Children []Segment
}

// id makes an id.
func (s *Server) id() string {
	s.ids++
	return fmt.Sprintf("65e%021x", s.ids)
}

// identify gives an id to what has none.
func (s *Server) identify(id *string) {
	if *id == "" {
		*id = s.id()
	}
}

// complete fills in what is empty in an organization.
func (s *Server) complete(o *Organization) {
	s.identify(&o.ID)
	o.Slug = cmp.Or(o.Slug, o.ID)
	o.Name = cmp.Or(o.Name, o.Slug)
	for i := range o.Subscriptions {
		s.identify(&o.Subscriptions[i].ID)
	}
	o.Collaborators = s.collaborators(o.Collaborators)
	for i := range o.Stores {
		s.identify(&o.Stores[i].ID)
		o.Stores[i].Security = cmp.Or(o.Stores[i].Security, workspace.StoreSecurityPublic)
	}
	for i := range o.Apps {
		s.completeApp(&o.Apps[i])
	}
	for i := range o.Devices {
		s.completeDevice(&o.Devices[i])
	}
}

// clone returns an organization that does not change with this one.
func (o *Organization) clone() Organization {
	c := *o
	c.Subscriptions, c.Collaborators = slices.Clone(o.Subscriptions), slices.Clone(o.Collaborators)
	c.Apps, c.Stores = slices.Clone(o.Apps), slices.Clone(o.Stores)
	c.Segments, c.Devices = slices.Clone(o.Segments), slices.Clone(o.Devices)
	return c
}

func (s *Server) collaborators(all []Collaborator) []Collaborator {
	all = slices.Clone(all)
	for i := range all {
		s.identify(&all[i].ID)
		s.identify(&all[i].User.ID)
		all[i].User = all[i].User.complete()
		all[i].Role = cmp.Or(all[i].Role, workspace.CollaboratorRoleViewer)
	}
	return all
}

// role returns the role of a user in the organization; "" for none.
func (o *Organization) role(u User) workspace.CollaboratorRole {
	for _, c := range o.Collaborators {
		if c.User.ID == u.ID {
			return c.Role
		}
	}
	return ""
}

// mayOwn reports whether somebody may do what only owners can. Applivery documents
// the permission that this needs, and not which roles have it: service accounts
// have it here.
func (o *Organization) mayOwn(by *caller) bool {
	return by.everything || by.organization == o || o.role(by.user) == workspace.CollaboratorRoleOwner
}

// mayManage reports whether somebody may remove what the organization has.
func (o *Organization) mayManage(by *caller) bool {
	return o.mayOwn(by) || o.role(by.user) == workspace.CollaboratorRoleAdmin
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
		success(w, fake.Object{"valid": false, "reason": "It has another form."})
	case slices.ContainsFunc(s.organizations, func(o *Organization) bool { return strings.EqualFold(o.Slug, slug) }):
		success(w, fake.Object{"valid": false, "reason": "It is another's."})
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

func object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "slug": o.Slug,
		"webSiteUrl": "https://" + o.Slug + ".example.com",
	}
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

// changeOwner hands an organization over. Who is not in it yet comes into it, and
// the former owner stays as an administrator: Applivery documents neither.
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

func (o *Organization) collaborator(c Collaborator) fake.Object {
	return fake.Object{
		"id": c.ID, "organization": o.ID, "role": c.Role, "tags": orEmpty(c.Tags),
		"user": fake.Object{
			"id": c.User.ID, "email": c.User.Email, "firstName": c.User.FirstName, "lastName": c.User.LastName,
			"role": c.User.Role, "ssoUser": false,
		},
		"detected": fake.Object{}, "createdBy": o.Owner.ID, "createdAt": date(o.Created), "updatedAt": date(o.Created),
	}
}

func (s *Server) listSegments(w http.ResponseWriter, _ *http.Request, o *Organization, _ *caller) {
	success(w, fake.Object{"organizationId": o.ID, "children": tree(o.Segments)})
}

func tree(segments []Segment) []fake.Object {
	nodes := make([]fake.Object, 0, len(segments))
	for _, s := range segments {
		nodes = append(nodes, fake.Object{"id": s.ID, "name": s.Name, "children": tree(s.Children)})
	}
	return nodes
}
