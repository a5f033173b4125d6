package workspacetest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/workspace"
)

// App is an app that an organization distributes.
type App struct {
	ID   string
	Name string   // an app like any other, if it is empty
	Slug string   // made of the name, if it is empty
	OSs  []string // android, if it is empty

	Collaborators []Collaborator
	Employees     []Employee
}

// Employee is somebody who uses an app.
type Employee struct {
	ID   string
	User User
	Tags []string
	From workspace.EmployeeOrigin // store, if it is empty
}

// Store is where an organization offers its apps.
type Store struct {
	ID           string
	Security     workspace.StoreSecurity // public, if it is empty
	CustomDomain string
}

func (s *Server) completeApp(a *App) {
	s.identify(&a.ID)
	a.Name = cmp.Or(a.Name, "App")
	a.Slug = cmp.Or(a.Slug, strings.ReplaceAll(strings.ToLower(a.Name), " ", "-"))
	if len(a.OSs) == 0 {
		a.OSs = []string{"android"}
	}
	a.Collaborators = s.collaborators(a.Collaborators)
	a.Employees = slices.Clone(a.Employees)
	for i := range a.Employees {
		e := &a.Employees[i]
		s.identify(&e.ID)
		s.identify(&e.User.ID)
		e.User = e.User.complete()
		e.From = cmp.Or(e.From, workspace.EmployeeOriginStore)
	}
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

func (o *Organization) app(a App) fake.Object {
	return fake.Object{
		"id": a.ID, "name": a.Name, "slug": a.Slug, "oss": a.OSs, "buildPlatforms": a.OSs,
		"organization": o.ID, "counts": fake.Object{}, "metadata": fake.Object{},
	}
}

// findApp finds the app that a request is about, by its id, or else by its slug.
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
