package workspacetest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Tokens that are always there. For those of other users see [Server.AddUser], of
// service accounts [Server.AddServiceAccount].
const (
	// Token is the access token of a user who may do everything with all
	// organizations, and owns those that name no other owner.
	Token = "workspacetest-token"

	// ExpiredToken was valid once.
	ExpiredToken = "workspacetest-expired-token"
)

// basePath is the path of [workspace.DefaultBaseURL].
const basePath = "/v1"

// caller is whom a token belongs to.
type caller struct {
	user         User
	organization *Organization // of a service account
	everything   bool
}

// AddOrganization adds an organization.
func (s *Server) AddOrganization(o Organization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Owner == (User{}) {
		o.Owner = s.users[0]
	}
	o = o.clone()
	if o.Created.IsZero() {
		o.Created = time.Now()
	}
	o.Collaborators = slices.Insert(o.Collaborators, 0, Collaborator{User: o.Owner, Role: workspace.CollaboratorRoleOwner})
	s.complete(&o)
	o.Owner = o.Collaborators[0].User
	s.organizations = append(s.organizations, &o)
}

// Change changes an organization, as somebody else may do meanwhile. It does nothing
// when there is none with this id.
func (s *Server) Change(id string, change func(*Organization)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.organization(id); o != nil {
		change(o)
		s.complete(o)
	}
}

// Organizations returns all organizations as they are now, with what they have.
func (s *Server) Organizations() []Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Organization, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, o.clone())
	}
	return all
}

// AddUser adds a user and returns the user's token. It sees the organizations that
// the user is a collaborator of, which the user becomes by
// [workspace.Client.ChangeOwner], or as a [Collaborator] with the same ID.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identify(&u.ID)
	u = u.complete()
	s.users = append(s.users, u)
	return s.admits(&caller{user: u})
}

// AddServiceAccount adds a service account to an organization and returns its
// token. It sees no other organization and is gone with its own.
func (s *Server) AddServiceAccount(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := User{ID: s.id(), Role: workspace.UserRoleServiceAccount}
	user.Email = user.ID + "@" + id + ".iam.applivery.io"
	user = user.complete()
	o := s.organization(id)
	if o != nil {
		o.Collaborators = append(o.Collaborators, Collaborator{ID: s.id(), User: user, Role: workspace.CollaboratorRoleAdmin})
	}
	return s.admits(&caller{user: user, organization: o})
}

// admits makes a token for a caller.
func (s *Server) admits(c *caller) string {
	token := fmt.Sprintf("workspacetest-token-%d", len(s.callers))
	s.callers[token] = c
	return token
}

// CancelSubscriptions ends all subscriptions of an organization, as only a person
// at the dashboard can.
func (s *Server) CancelSubscriptions(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if o := s.organization(id); o != nil {
		for i := range o.Subscriptions {
			if o.Subscriptions[i].active(now) {
				o.Subscriptions[i].Ended = now
			}
		}
	}
}

// Exists reports whether an organization is there.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organization(id) != nil
}

// Deleted returns the ids of all organizations that were deleted, in order.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// organization returns the organization with an id; nil when there is none.
func (s *Server) organization(id string) *Organization {
	i := slices.IndexFunc(s.organizations, func(o *Organization) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return s.organizations[i]
}

// handler answers a request of somebody.
type handler func(w http.ResponseWriter, r *http.Request, by *caller)

// seen returns the organizations that somebody sees.
func (s *Server) seen(by *caller) []*Organization {
	if by.everything {
		return s.organizations
	}
	return s.memberships(by.user)
}

// memberships returns the organizations that a user is a collaborator of.
func (s *Server) memberships(u User) []*Organization {
	var of []*Organization
	for _, o := range s.organizations {
		if o.role(u) != "" {
			of = append(of, o)
		}
	}
	return of
}

// about answers a request about an organization.
type about func(w http.ResponseWriter, r *http.Request, o *Organization, by *caller)

// found finds the organization that a request is about: by its id, or else by its
// slug.
func (s *Server) found(next about) handler {
	return func(w http.ResponseWriter, r *http.Request, by *caller) {
		idOrSlug, seen := r.PathValue("organization"), s.seen(by)
		i := slices.IndexFunc(seen, func(o *Organization) bool { return strings.EqualFold(o.ID, idOrSlug) })
		if i < 0 {
			i = slices.IndexFunc(seen, func(o *Organization) bool { return o.Slug == idOrSlug })
		}
		if i < 0 {
			failure(w, http.StatusNotFound, 3001)
			return
		}
		next(w, r, seen[i], by)
	}
}

// messages are texts of our own for the codes that the double answers.
var messages = map[int]string{
	1002: "There is no such route.",
	3001: "There is no such entity.",
	4001: "The caller may not do this.",
	4002: "There is no token.",
	4004: "The token is not valid.",
	4005: "The token has expired.",
	5111: "Some subscriptions are active.",
	5173: "The device has no token to push to.",
}

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

func (o *Organization) app(a App) fake.Object {
	return fake.Object{
		"id": a.ID, "name": a.Name, "slug": a.Slug, "oss": a.OSs, "buildPlatforms": a.OSs,
		"organization": o.ID, "counts": fake.Object{}, "metadata": fake.Object{},
	}
}

// Device is a device of an organization, or an enrollment that waits for one.
type Device struct {
	ID      string
	Type    workspace.DeviceType    // android, if it is empty
	SubType workspace.DeviceSubType // device, if it is empty
	Name    string                  // that of the type, if it is empty
	State   string                  // ACTIVE or PENDING, if it is empty; the words are the double's own
	User    User
	Tags    []string
	Segment int // the ID of a segment; 0 for none

	// Deleted: it is on lists only when they are asked for what is deleted.
	Deleted bool

	// Unreachable: no message can be pushed to it, so that it cannot be told to leave.
	Unreachable bool

	// Offline is how long a device takes to hear that it is told to leave; 30 seconds,
	// if it is zero.
	Offline time.Duration

	// Leaves is when it is gone; zero as long as it was not told to leave.
	Leaves time.Time
}

func (s *Server) completeDevice(d *Device) {
	s.identify(&d.ID)
	d.Type = cmp.Or(d.Type, workspace.DeviceTypeAndroid)
	d.SubType = cmp.Or(d.SubType, workspace.DeviceSubTypeDevice)
	d.Name = cmp.Or(d.Name, string(d.Type))
	state := "ACTIVE"
	if d.SubType == workspace.DeviceSubTypeEnrollment {
		state = "PENDING"
	}
	d.State = cmp.Or(d.State, state)
	d.Offline = cmp.Or(d.Offline, 30*time.Second)
	s.identify(&d.User.ID)
	d.User = d.User.complete()
}

// deleted reports whether a device is deleted by now.
func (d *Device) deleted() bool {
	return d.Deleted || !d.Leaves.IsZero() && !time.Now().Before(d.Leaves)
}

func (d *Device) state() string {
	switch {
	case d.deleted():
		return "DELETED"
	case !d.Leaves.IsZero():
		return "PENDING_DISENROLL"
	}
	return d.State
}

// listPlatform lists the devices of one platform.
func (s *Server) listPlatform(platform workspace.DeviceType) about {
	return func(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
		query := r.URL.Query()
		segments := o.expand(query.Get("segmentId"), query.Get("expandTo"))
		var items []fake.Object
		for i := range o.Devices {
			d := &o.Devices[i]
			if d.Type != platform || d.deleted() && query.Get("show-deleted") != "true" ||
				!is(r, "mdm-user", d.User.ID) || !tagged(r, d.Tags) ||
				segments != nil && !slices.Contains(segments, d.Segment) {
				continue
			}
			items = append(items, d.object(o))
		}
		page(w, r, items)
	}
}

// object is what the list of the device's platform shows of it.
func (d *Device) object(o *Organization) fake.Object {
	user := fake.Object{"id": d.User.ID, "email": d.User.Email}
	if d.Type == workspace.DeviceTypeAndroid {
		return fake.Object{"id": d.ID, "organization": o.ID, "emmEnterprise": o.ID, "mdmUser": user}
	}
	all := fake.Object{
		"id": d.ID, "mdmUser": user, "displayName": d.Name, "tags": orEmpty(d.Tags), "state": d.state(),
		"type": d.Type, "subType": d.SubType, "lastStatusReportTime": date(o.Created),
	}
	if d.Type == workspace.DeviceTypeApple {
		all["organization"], all["admEnterprise"] = o.ID, o.ID
	} else {
		all["organizationId"], all["winEnterpriseId"], all["winId"], all["enrolledDate"] = o.ID, o.ID, d.ID, date(o.Created)
	}
	return all
}

// expand returns the segments that a selection by one means; nil for all.
func (o *Organization) expand(segment, to string) []int {
	id, err := strconv.Atoi(segment)
	if err != nil {
		return nil
	}
	var path []Segment // from the top to the segment
	for at := o.Segments; ; {
		i := slices.IndexFunc(at, func(s Segment) bool { return s.contains(id) })
		if i < 0 {
			break
		}
		path = append(path, at[i])
		at = at[i].Children
	}
	selected := []int{id}
	switch workspace.SegmentExpansion(to) {
	case workspace.SegmentExpansionAncestors:
		for _, s := range path {
			selected = append(selected, s.ID)
		}
	case workspace.SegmentExpansionChildren:
		if len(path) > 0 {
			selected = path[len(path)-1].ids()
		}
	}
	return selected
}

// ids returns the ids of the segment and all below it.
func (s Segment) ids() []int {
	all := []int{s.ID}
	for _, child := range s.Children {
		all = append(all, child.ids()...)
	}
	return all
}

// contains reports whether a segment is this one or below it.
func (s Segment) contains(id int) bool { return slices.Contains(s.ids(), id) }

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

func object(o *Organization) fake.Object {
	return fake.Object{
		"id": o.ID, "name": o.Name, "slug": o.Slug,
		"webSiteUrl": "https://" + o.Slug + ".example.com",
	}
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

func tree(segments []Segment) []fake.Object {
	nodes := make([]fake.Object, 0, len(segments))
	for _, s := range segments {
		nodes = append(nodes, fake.Object{"id": s.ID, "name": s.Name, "children": tree(s.Children)})
	}
	return nodes
}

// defaultLimit is how many items a page has when the request does not say.
const defaultLimit = 100

// atLeastOne reads a number of 1 to 10,000.
func atLeastOne(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return min(max(n, 1), 10_000)
}

// orEmpty makes a list of none, which is [] in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func date(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
