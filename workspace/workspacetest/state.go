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

// Tokens of a new fake. [Server.AddUser] and [Server.AddServiceAccount] return other tokens.
const (
	// Token is the access token of a user with all permissions in all organizations. The user
	// owns each organization without an Owner.
	Token = "workspacetest-token"

	// ExpiredToken is an expired token.
	ExpiredToken = "workspacetest-expired-token"
)

// basePath is the path of [workspace.DefaultBaseURL].
const basePath = "/v1"

// caller is the owner of a token.
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

// Change changes an organization, like another client of Applivery. It panics if no organization
// has the ID.
func (s *Server) Change(id string, change func(*Organization)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", id, s.organization(id))
	change(o)
	s.complete(o)
}

// Organizations returns the present state of all organizations with their resources.
func (s *Server) Organizations() []Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Organization, 0, len(s.organizations))
	for _, o := range s.organizations {
		all = append(all, o.clone())
	}
	return all
}

// AddUser adds a user and returns the user's token. The user sees the organizations in which the
// user is a collaborator: by [workspace.Client.ChangeOwner], or by a [Collaborator] whose User has
// the same ID.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identify(&u.ID)
	u = u.complete()
	s.users = append(s.users, u)
	return s.admits(&caller{user: u})
}

// AddServiceAccount adds a service account to an organization and returns the token of the
// account. The account sees no other organization and is deleted with its own. AddServiceAccount
// panics if the organization does not exist.
func (s *Server) AddServiceAccount(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := User{ID: s.id(), Role: workspace.UserRoleServiceAccount}
	user.Email = user.ID + "@" + id + ".iam.applivery.io"
	user = user.complete()
	o := fake.Known("organization", id, s.organization(id))
	o.Collaborators = append(o.Collaborators, Collaborator{ID: s.id(), User: user, Role: workspace.CollaboratorRoleAdmin})
	return s.admits(&caller{user: user, organization: o})
}

// admits returns a new token for a caller.
func (s *Server) admits(c *caller) string {
	token := fmt.Sprintf("workspacetest-token-%d", len(s.callers))
	s.callers[token] = c
	return token
}

// CancelSubscriptions ends all subscriptions of an organization, like the dashboard. No API can.
func (s *Server) CancelSubscriptions(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := fake.Known("organization", id, s.organization(id))
	now := time.Now()
	for i := range o.Subscriptions {
		if o.Subscriptions[i].active(now) {
			o.Subscriptions[i].Ended = now
		}
	}
}

// Exists reports whether an organization exists.
func (s *Server) Exists(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organization(id) != nil
}

// Deleted returns the IDs of all deleted organizations in the order of their deletions.
func (s *Server) Deleted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// organization returns the organization with an ID; nil if no organization has the ID.
func (s *Server) organization(id string) *Organization {
	i := slices.IndexFunc(s.organizations, func(o *Organization) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return s.organizations[i]
}

// handler answers a request of a caller.
type handler func(w http.ResponseWriter, r *http.Request, by *caller)

// seen returns the organizations that a caller sees.
func (s *Server) seen(by *caller) []*Organization {
	if by.everything {
		return s.organizations
	}
	return s.memberships(by.user)
}

// memberships returns the organizations in which a user is a collaborator.
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

// found passes the organization in a request's path to a handler: by ID, then by slug.
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

// messages are the fake's own texts for the codes that it answers with.
var messages = map[int]string{
	1002: "Route not found.",
	3001: "Entity not found.",
	4001: "Permission denied.",
	4002: "No token.",
	4004: "Invalid token.",
	4005: "Token expired.",
	5111: "Active subscriptions.",
	5173: "The device has no push token.",
}

// App is an app that an organization distributes.
type App struct {
	ID   string   // 24 hexadecimal digits; generated by default
	Name string   // default: App
	Slug string   // default: derived from Name
	OSs  []string // operating systems; default: android

	Collaborators []Collaborator // users with a role in the app
	Employees     []Employee     // users of the app
}

// Employee is a user of an app.
type Employee struct {
	ID   string                   // of the assignment to the app; generated by default
	User User                     // the user
	Tags []string                 // tags of the user
	From workspace.EmployeeOrigin // default: store
}

// Store is an app store of an organization.
type Store struct {
	ID           string                  // 24 hexadecimal digits; generated by default
	Security     workspace.StoreSecurity // default: public
	CustomDomain string                  // domain of the organization that serves the store
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

// Device is a device of an organization, or a pending enrollment.
type Device struct {
	ID      string                  // 24 hexadecimal digits; generated by default
	Type    workspace.DeviceType    // default: android
	SubType workspace.DeviceSubType // default: device
	Name    string                  // default: Type
	State   string                  // default: ACTIVE, or PENDING for an enrollment; values of the fake
	User    User                    // user of the device
	Tags    []string                // tags of the device
	Segment int                     // ID of a segment; 0: no segment

	// Deleted hides the device from lists unless a request includes deleted devices.
	Deleted bool

	// Unreachable makes the fake refuse a disenrollment, because push messages cannot reach the
	// device.
	Unreachable bool

	// Offline is the time between a request to disenroll and the disenrollment. The default is
	// 30 seconds.
	Offline time.Duration

	// Disenrolls is the time of the disenrollment; zero before a request.
	Disenrolls time.Time
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

// deleted reports whether a device is deleted at present.
func (d *Device) deleted() bool {
	return d.Deleted || !d.Disenrolls.IsZero() && !time.Now().Before(d.Disenrolls)
}

func (d *Device) state() string {
	switch {
	case d.deleted():
		return "DELETED"
	case !d.Disenrolls.IsZero():
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

// object returns the device as an item of the list of its platform.
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

// expand returns the IDs of the segments that a request selects; nil selects all.
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

// ids returns the IDs of the segment and of its descendants.
func (s Segment) ids() []int {
	all := []int{s.ID}
	for _, child := range s.Children {
		all = append(all, child.ids()...)
	}
	return all
}

// contains reports whether an ID is that of the segment or of a descendant.
func (s Segment) contains(id int) bool { return slices.Contains(s.ids(), id) }

// Organization is an organization of the fake. All its resources are deleted with the
// organization; only subscriptions block the deletion. Resources without an ID get one.
type Organization struct {
	ID   string // 24 hexadecimal digits; generated by default
	Slug string // default: ID
	Name string // default: Slug

	// Owner is the owner of the organization; by default the user of [Token].
	Owner User

	Subscriptions []Subscription // an active one blocks the deletion
	Collaborators []Collaborator // in addition to the owner
	Apps          []App          // apps of the organization
	Stores        []Store        // app stores of the organization
	Segments      []Segment      // top-level segments
	Devices       []Device       // devices and pending enrollments

	Created time.Time // default: the time of AddOrganization
}

// Subscription is a subscription of an organization. It blocks the deletion until it has ended.
type Subscription struct {
	ID     string // 24 hexadecimal digits; generated by default
	Plan   string // name of the plan
	Status string // returned by the API; without effect

	From, Until time.Time // period; not returned if zero
	Ended       time.Time // end of the subscription; zero if it has no end
}

// active reports whether a subscription blocks the deletion.
func (s Subscription) active(now time.Time) bool { return s.Ended.IsZero() || s.Ended.After(now) }

// User is a user or a service account.
type User struct {
	ID        string             // 24 hexadecimal digits; generated by default
	FirstName string             // default: Jo
	LastName  string             // default: Doe
	Email     string             // default: derived from the names
	Slug      string             // default: derived from the names
	Role      workspace.UserRole // default: user
}

// complete sets the defaults of empty fields.
func (u User) complete() User {
	u.FirstName, u.LastName = cmp.Or(u.FirstName, "Jo"), cmp.Or(u.LastName, "Doe")
	u.Slug = cmp.Or(u.Slug, strings.ToLower(u.FirstName+"-"+u.LastName))
	u.Email = cmp.Or(u.Email, strings.ToLower(u.FirstName+"."+u.LastName)+"@example.com")
	u.Role = cmp.Or(u.Role, workspace.UserRoleUser)
	return u
}

// Collaborator is a user with a role in an organization or in an app.
type Collaborator struct {
	ID   string                     // of the role, not of the user; generated by default
	User User                       // the user
	Role workspace.CollaboratorRole // default: viewer
	Tags []string                   // tags of the collaborator
}

// Segment is a segment of an organization.
type Segment struct {
	ID       int       // unique in the organization
	Name     string    // name of the segment
	Children []Segment // segments of the segment
}

// id returns a new ID.
func (s *Server) id() string {
	s.ids++
	return fmt.Sprintf("65e%021x", s.ids)
}

// identify sets a new ID if id is empty.
func (s *Server) identify(id *string) {
	if *id == "" {
		*id = s.id()
	}
}

// complete sets the defaults of an organization and its resources.
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

// clone returns a copy that shares no slice with o.
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

// role returns the role of a user in the organization; "" if the user has no role.
func (o *Organization) role(u User) workspace.CollaboratorRole {
	for _, c := range o.Collaborators {
		if c.User.ID == u.ID {
			return c.Role
		}
	}
	return ""
}

// mayOwn reports whether a caller has the permissions of an owner. Applivery documents these
// permissions but not the roles that have them; in the fake, service accounts have them.
func (o *Organization) mayOwn(by *caller) bool {
	return by.everything || by.organization == o || o.role(by.user) == workspace.CollaboratorRoleOwner
}

// mayManage reports whether a caller may remove resources of the organization.
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

// defaultLimit is the number of items per page if the request does not set it.
const defaultLimit = 100

// atLeastOne parses a number and limits it to 1 to 10,000.
func atLeastOne(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return min(max(n, 1), 10_000)
}

// orEmpty returns an empty list for nil, because JSON needs [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func date(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
