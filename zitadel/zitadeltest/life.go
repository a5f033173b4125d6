package zitadeltest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// SetSystem makes an organization the one of Zitadel's own project, which no API
// does: the former one can be deleted from now on.
func (s *Server) SetSystem(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.system = id
}

func (s *Server) routesOfLife(routes *fake.Routes) {
	routes.Handle("IsOrganizationUnique", "GET /admin/v1/orgs/_is_unique", s.permitted("iam.read", s.isUnique))
	routes.Handle("SetDefaultOrganization", "PUT /admin/v1/orgs/default/{orgId}", s.permitted("iam.write", s.setDefault))
	routes.Handle("SetUpOrganization", "POST /admin/v1/orgs/_setup", s.permitted("iam.write", s.setUp))
	routes.Handle("CheckHealth", "GET /admin/v1/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fake.JSON(w, http.StatusOK, fake.Object{})
	})
	routes.Handle("AddOrganization", "POST /management/v1/orgs", s.permittedIn("org.create", s.addOrganization))
	routes.Handle("GetMyOrganization", "GET /management/v1/orgs/me", s.permittedIn("org.read", s.getMine))
	routes.Handle("DeleteMyOrganization", "DELETE /management/v1/orgs/me", s.permittedIn("org.delete", s.deleteMine))
	routes.Handle("DeactivateOrganization", "POST /management/v1/orgs/me/_deactivate", s.permittedIn("org.write", s.activity(true)))
	routes.Handle("ReactivateOrganization", "POST /management/v1/orgs/me/_reactivate", s.permittedIn("org.write", s.activity(false)))
	routes.Handle("AddOrganizationV2", "POST /v2/organizations", s.permittedV2("org.create", s.addOrganizationV2))
	routes.Handle("SearchOrganizationsV2Page", "POST /v2/organizations/_search", s.authenticatedV2(s.searchV2))
	routes.Handle("DeleteOrganizationV2", "DELETE /v2/organizations/{organizationId}", s.permittedV2("org.delete", s.deleteV2))
	routes.Handle("DeactivateOrganizationV2", "POST /v2/organizations/{organizationId}/deactivate", s.permittedV2("org.write", s.activity(true)))
	routes.Handle("ActivateOrganizationV2", "POST /v2/organizations/{organizationId}/activate", s.permittedV2("org.write", s.activity(false)))
}

func (s *Server) isUnique(w http.ResponseWriter, r *http.Request) {
	name, domain := r.URL.Query().Get("name"), r.URL.Query().Get("domain")
	if name == "" && domain == "" {
		s.plain(w, 3, "InvalidArgument", "there is neither a name nor a domain")
		return
	}
	answer := fake.Object{}
	if !slices.ContainsFunc(s.organizations, func(o *organization) bool {
		return s.lists(o) && (o.Name == name || o.PrimaryDomain == domain)
	}) {
		answer["isUnique"] = true
	}
	fake.JSON(w, http.StatusOK, answer)
}

func (s *Server) setDefault(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("orgId")
	switch {
	case id == s.first:
		failure(w, 9, "INST-SDfw2", "The instance has not changed")
	case s.present(id) == nil:
		failure(w, 9, "INSTA-Wfe21", "There is no such organization")
	default:
		s.first = id
		s.changes++
		fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
			"sequence": fmt.Sprint(108 + s.changes), "changeDate": date(time.Now().UTC()), "resourceOwner": instance,
		}})
	}
}

// create makes an organization, unless its name or its id is taken. An organization
// whose id was used before goes on counting its changes.
func (s *Server) create(w http.ResponseWriter, id, name, domain string) *organization {
	switch {
	case slices.ContainsFunc(s.organizations, func(o *organization) bool { return !o.removed && o.Name == name }):
		failure(w, 6, "V3-DKcYh", "The name or the id is taken")
		return nil
	case id != "" && s.present(id) != nil:
		failure(w, 6, "ORG-laho2n", "The id is taken")
		return nil
	}
	o := complete(Organization{ID: s.id(id), Name: name, PrimaryDomain: domain})
	before := 0
	if former := s.find(o.ID); former != nil {
		before = former.sequence
	}
	return s.place(o, before+4, s.lag)
}

// short refuses a name that an organization cannot have.
func short(name string) bool { return name != "" && len([]rune(name)) <= 200 }

func (s *Server) addOrganization(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name string }
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Name) {
		s.plain(w, 3, "InvalidArgument", "the name has to have 1 to 200 characters")
		return
	}
	if o := s.create(w, "", body.Name, ""); o != nil {
		s.addMember(o.ID, Caller, nil)
		o.sequence++
		fake.JSON(w, http.StatusOK, fake.Object{"id": o.ID, "details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "resourceOwner": o.ID,
		}})
	}
}

func (s *Server) addOrganizationV2(w http.ResponseWriter, r *http.Request) {
	var body zitadel.OrganizationCreation
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Name) {
		bare(w, http.StatusBadRequest, 3, "the name has to have 1 to 200 characters")
		return
	}
	o := s.create(w, body.OrganizationID, body.Name, "")
	if o == nil {
		return
	}
	answer := fake.Object{"organizationId": o.ID, "details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": o.ID,
	}}
	var created []fake.Object
	for _, admin := range body.Admins {
		s.addMember(o.ID, admin.UserID, admin.Roles)
		created = append(created, fake.Object{"userId": admin.UserID})
	}
	if len(created) > 0 {
		answer["createdAdmins"] = created
	}
	fake.JSON(w, http.StatusCreated, answer)
}

func (s *Server) setUp(w http.ResponseWriter, r *http.Request) {
	var body zitadel.OrganizationSetup
	if !decode(w, r, &body) {
		return
	}
	if !short(body.Org.Name) || body.Human.UserName == "" || body.Human.Profile.FirstName == "" || body.Human.Profile.LastName == "" || body.Human.Email.Email == "" {
		s.plain(w, 3, "InvalidArgument", "something is missing")
		return
	}
	o := s.create(w, "", body.Org.Name, body.Org.Domain)
	if o == nil {
		return
	}
	user := s.id("")
	s.add(&item{kind: users, id: user, owner: o.ID, name: body.Human.UserName})
	s.addMember(o.ID, user, body.Roles)
	o.sequence++
	fake.JSON(w, http.StatusOK, fake.Object{"orgId": o.ID, "userId": user, "details": fake.Object{
		"sequence": fmt.Sprint(o.sequence), "creationDate": date(o.created), "resourceOwner": o.ID,
	}})
}

func (s *Server) getMine(w http.ResponseWriter, r *http.Request) {
	s.answer(w, s.find(s.context(r)))
}

func (s *Server) deleteMine(w http.ResponseWriter, r *http.Request) {
	s.deleteV1(w, s.context(r))
}

func (s *Server) deleteV2(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("organizationId")
	if !s.allows(w, id) {
		return
	}
	answer := fake.Object{"deletionDate": "0001-01-01T00:00:00Z"} // there was nothing to do
	if o := s.present(id); o != nil {
		s.take(o)
		answer["deletionDate"] = date(o.changed)
	}
	fake.JSON(w, http.StatusOK, answer)
}

// activity deactivates organizations, or activates them again.
func (s *Server) activity(inactive bool) http.HandlerFunc {
	missing, already, text := "ORG-Dgf3g", "EVENT-bfnrh", "The organization is active"
	if inactive {
		missing, already, text = "ORG-oL9nT", "EVENT-Dbs2g", "The organization is inactive"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		id, v2 := r.PathValue("organizationId"), true
		if id == "" {
			id, v2 = s.context(r), false
		}
		o := s.present(id)
		switch {
		case o == nil:
			failure(w, 5, missing, "There is no such organization")
			return
		case o.Inactive == inactive:
			failure(w, 9, already, text)
			return
		}
		o.Inactive, o.changed = inactive, time.Now().UTC()
		o.sequence++
		if v2 {
			fake.JSON(w, http.StatusOK, fake.Object{"changeDate": date(o.changed)})
			return
		}
		fake.JSON(w, http.StatusOK, fake.Object{"details": fake.Object{
			"sequence": fmt.Sprint(o.sequence), "changeDate": date(o.changed), "resourceOwner": o.ID,
		}})
	}
}

// searchV2 answers with a page of the organizations. Those that the caller may not
// read are left out when the page has been made.
func (s *Server) searchV2(w http.ResponseWriter, r *http.Request) {
	var search zitadel.OrganizationSearchV2
	if !decode(w, r, &search) {
		return
	}
	first := false
	v1 := zitadel.OrganizationSearch{Query: search.Query}
	for _, q := range search.Queries {
		if q == (zitadel.OrganizationQueryV2{}) {
			bare(w, http.StatusBadRequest, 3, "a query has no value")
			return
		}
		first = first || bool(q.DefaultQuery)
		if !q.DefaultQuery {
			v1.Queries = append(v1.Queries, zitadel.OrganizationQuery{
				NameQuery: q.NameQuery, DomainQuery: q.DomainQuery, IDQuery: q.IDQuery,
				StateQuery: zitadel.StateQuery{State: stateV1(q.StateQuery.State)},
			})
		}
	}
	if search.SortingColumn == zitadel.OrganizationFieldNameV2Name {
		v1.SortingColumn = zitadel.OrganizationFieldNameName
	}
	var objects []fake.Object
	for _, o := range s.matching(v1) {
		switch {
		case first && o.ID != s.first:
		case !slices.Contains(s.permissionsIn(o.ID), "org.read"):
			objects = append(objects, nil)
		default:
			object := o.object(false)
			object["state"] = strings.Replace(string(o.state()), "ORG_", "ORGANIZATION_", 1)
			objects = append(objects, object)
		}
	}
	fake.JSON(w, http.StatusOK, part(objects, search.Query, "timestamp"))
}

func stateV1(state zitadel.OrganizationStateV2) zitadel.OrganizationState {
	return zitadel.OrganizationState(strings.Replace(string(state), "ORGANIZATION_", "ORG_", 1))
}
