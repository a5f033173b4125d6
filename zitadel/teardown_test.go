package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/teardownsuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// A resource is added after the plan, or while the teardown waits after its first read, and then
// one request loses its header. A single empty list would hide the new resource from the read
// right before the deletion.
func TestTeardown_AddedAndHeaderLostOnce(t *testing.T) {
	t.Parallel()
	for name, add := range additions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// attempt drops the header from the first request to a path after the addition, and
				// returns the paths of all requests after the addition.
				attempt := func(lost string) []string {
					srv := zitadeltest.NewServer()
					addWithCascades(srv, "acme", "Acme")
					homes["empty"](srv)
					planned, paths := false, []string(nil)
					p := &headerLosing{next: srv, lose: func(_ int, req *http.Request) bool {
						path := req.Method + " " + req.URL.Path
						if !planned || slices.Contains(paths, path) {
							return false
						}
						paths = append(paths, path)
						return path == lost
					}}
					c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: p}))
					plan := planOf(t, c)
					add(srv)
					planned = true
					r, err := c.Teardown(t.Context(), plan, teardown.WithConfirm("Acme"))
					if r != nil || err == nil || !srv.Exists("acme") {
						t.Errorf("lost on %q: got %+v, %v, and it exists: %t", lost, r, err, srv.Exists("acme"))
					}
					return paths
				}
				for i, path := range attempt("") {
					if i%caseStep == 0 {
						attempt(path)
					}
				}
			})
		})
		t.Run(name+", while it waits", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// attempt drops the header from the first request to a path after the addition, and
				// returns the paths of all requests after the addition.
				attempt := func(lost string) []string {
					srv := zitadeltest.NewServer()
					addWithCascades(srv, "acme", "Acme")
					homes["empty"](srv)
					added, paths := false, []string(nil)
					p := &headerLosing{next: srv, lose: func(_ int, req *http.Request) bool {
						path := req.Method + " " + req.URL.Path
						if !added || slices.Contains(paths, path) {
							return false
						}
						paths = append(paths, path)
						return path == lost
					}}
					c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: p}))
					plan := planOf(t, c)
					r, err := c.Teardown(t.Context(), plan, teardown.WithConfirm("Acme"), teardown.WithEvents(func(e teardown.Event) {
						if e.Kind == teardown.EventStarted {
							add(srv)
							added = true
							time.Sleep(10 * time.Second)
						}
					}))
					if r == nil || r.Outcome == teardown.Deleted || err == nil || !srv.Exists("acme") {
						t.Errorf("lost on %q: got %+v, %v, and it exists: %t", lost, r, err, srv.Exists("acme"))
					}
					return paths
				}
				for i, path := range attempt("") {
					if i%caseStep == 0 {
						attempt(path)
					}
				}
			})
		})
	}
}

// A teardown reads the permissions of its credential again after a minute.
func TestTeardown_PermissionsReadAgain(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]int{0: 1, 2 * time.Minute: 2} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := newFullAcme(t)
			p := planOf(t, c)
			before := srv.Count("ListPermissions")
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithEvents(func(e teardown.Event) {
				if e.Kind == teardown.EventStarted {
					time.Sleep(wait)
				}
			}))
			if err != nil || r.Outcome != teardown.Deleted || srv.Count("ListPermissions")-before != want {
				t.Errorf("after %v: got %+v, %v and %d reads of the permissions, want %d", wait, r, err, srv.Count("ListPermissions")-before, want)
			}
		})
	}
}

// callers may delete the organization "acme", each by an operation.
var callers = map[string]struct {
	prepare   func(*zitadeltest.Server)
	operation string
	permits   []teardown.Override
}{
	"an owner of the instance": {func(*zitadeltest.Server) {}, "DeleteOrganization", nil},
	"a manager of organizations": {func(srv *zitadeltest.Server) {
		srv.SetPermissions("org.create", "org.read", "org.write", "org.delete", "org.member.read", "user.read", "project.read")
	}, "DeleteOrganizationV2", nil},
	"a manager who may read nothing else": {func(srv *zitadeltest.Server) {
		srv.SetPermissions("org.read", "org.delete")
	}, "DeleteOrganizationV2", nil},
	"an owner of the organization, from another organization": {ownAcmeOnly, "DeleteOrganizationV2", nil},
	"an owner of the organization, from the same organization": {func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
		ownAcmeOnly(srv)
	}, "DeleteOrganizationV2", []teardown.Override{teardown.OwnOrganization}},
	"a manager at an old server": {func(srv *zitadeltest.Server) {
		srv.Legacy(true)
		srv.SetPermissions("org.read", "org.delete")
	}, "DeleteMyOrganization", nil},
}

// Every credential that can plan can also identify the organization, before and after the deletion.
func TestIdentify_Callers(t *testing.T) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				caller.prepare(srv)
				before := len(srv.Requests())
				found, err := c.Identify(t.Context(), "acme")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(teardown.Organization{ID: "acme", Name: "Acme"}, found); diff != "" {
					t.Errorf("organization (-want +got):\n%s", diff)
				}
				if n := len(srv.Requests()) - before; n != 2 && n != 4 {
					t.Errorf("got %d requests, want 2 or 4", n)
				}
				p := planOf(t, c)
				if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(caller.permits...)); err != nil {
					t.Fatal(err)
				}
				_, planned := c.Plan(t.Context(), "acme")
				if _, err := c.Identify(t.Context(), "acme"); code(err) == "" || code(err) != code(planned) {
					t.Errorf("deleted: got %v, want the code of %v", err, planned)
				}
			})
		})
	}
}

func TestIdentify_InvalidID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", "a/b", strings.Repeat("x", 201)} {
		srv := zitadeltest.NewServer()
		if _, err := newClient(t, srv).Identify(t.Context(), id); code(err) != errors.InvalidArgument || len(srv.Requests()) != 0 {
			t.Errorf("%q: got %v after %d requests, want %q", id, err, len(srv.Requests()), errors.InvalidArgument)
		}
	}
}

func TestTeardown_Callers(t *testing.T) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newFullAcme(t)
				caller.prepare(srv)
				p := planOf(t, c)
				if p.Err() != nil || p.Organization.Name != "Acme" {
					t.Errorf("got the plan's error %v", p.Err())
				}
				if diff := cmp.Diff(caller.permits, p.Requires); diff != "" {
					t.Errorf("overrides (-want +got):\n%s", diff)
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(caller.permits...))
				if err != nil || r.Outcome != teardown.Deleted || srv.Exists("acme") {
					t.Errorf("got %+v, %v", r, err)
				}
				for _, operation := range []string{"DeleteOrganization", "DeleteOrganizationV2", "DeleteMyOrganization"} {
					// An old server answers that it has no API v2.
					expected := operation == caller.operation || operation == "DeleteOrganizationV2" && caller.operation == "DeleteMyOrganization"
					if n := srv.Count(operation); (n > 0) != expected {
						t.Errorf("%s was sent %d times", operation, n)
					}
				}
			})
		})
	}
}

func TestPlan_CallerWithoutPermission(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		plan    errors.Code // error of Plan itself
		refusal errors.Code // error in the plan
	}{
		"a viewer of the organization": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			srv.SetPermissions()
			srv.AddMember(zitadeltest.Member{Organization: "acme", Roles: []string{"ORG_OWNER_VIEWER"}})
		}, "", errors.PermissionDenied},
		"a reader of all organizations": {func(srv *zitadeltest.Server) { srv.SetPermissions("org.read") }, "", errors.PermissionDenied},
		"an owner of another organization": {func(srv *zitadeltest.Server) {
			srv.SetPermissions()
			srv.AddMember(zitadeltest.Member{Organization: "acme-partner"})
		}, errors.PermissionDenied, ""},
		"a caller without a role": {func(srv *zitadeltest.Server) { srv.SetPermissions() }, errors.PermissionDenied, ""},
	} {
		srv, c := newFullAcme(t)
		test.prepare(srv)
		p, err := c.Plan(t.Context(), "acme")
		if code(err) != test.plan || p != nil && code(p.Err()) != test.refusal {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
		if p == nil {
			continue
		}
		if got := code(c.CheckDeletionV2(t.Context(), "acme")); got != test.refusal {
			t.Errorf("%s: CheckDeletionV2 returns %q", name, got)
		}
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
		if r == nil || r.Outcome != teardown.Blocked || code(err) != errors.PermissionDenied || !srv.Exists("acme") {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		caller, operation, body string
	}{
		"the admin API":      {"an owner of the instance", "DeleteOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
		"the API v2":         {"a manager who may read nothing else", "DeleteOrganizationV2", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"the management API": {"a manager at an old server", "DeleteMyOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
	} {
		for times, outcome := range map[int]teardown.Outcome{1: teardown.Deleted, 3: teardown.Deleted, 4: teardown.Unknown} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newFullAcme(t)
					callers[test.caller].prepare(srv)
					p := planOf(t, c)
					fault := offboardtest.Respond(test.operation, 200, test.body)
					fault.Times = times
					srv.Fail(fault)
					r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
					if r == nil || r.Outcome != outcome || srv.Exists("acme") != (outcome == teardown.Unknown) {
						t.Errorf("%d times: got %+v, %v; it exists: %t", times, r, err, srv.Exists("acme"))
					}
					if n := srv.Count(test.operation); n != min(times+1, 4) {
						t.Errorf("%d times: %d deletions", times, n)
					}
				})
			})
		}
	}
}

// The credential belongs to the organization. Both still exist.
func TestTeardown_OwnOrganizationNeverStarted(t *testing.T) {
	t.Parallel()
	for operation, body := range map[string]string{
		"DeleteOrganization":   `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`,
		"DeleteOrganizationV2": `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`,
		"DeleteMyOrganization": `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`,
	} {
		for times, outcome := range map[int]teardown.Outcome{3: teardown.Deleted, 4: teardown.Unknown} {
			t.Run(operation, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv, c := newFullAcme(t)
					srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
					if operation != "DeleteOrganization" {
						ownAcmeOnly(srv)
					}
					srv.Legacy(operation == "DeleteMyOrganization")
					ignored := offboardtest.Ignore(operation, 200, body)
					ignored.Times = times
					srv.Fail(ignored)
					r, err := c.Teardown(t.Context(), planOf(t, c), teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
					if r == nil || r.Outcome != outcome || srv.Count(operation) != 4 {
						t.Errorf("%d times: got %+v, %v after %d deletions", times, r, err, srv.Count(operation))
					}
				})
			})
		}
	}
}

// Zitadel accepts the deletion and does not start it, and the reads after it fail for a while or
// permanently. No failure of a read proves the deletion.
func TestTeardown_NeverStartedAndUnreadable(t *testing.T) {
	t.Parallel()
	faults := map[string]offboardtest.Fault{
		"500":              offboardtest.Respond("", 500, `{"code":13,"message":"internal"}`),
		"503":              offboardtest.HTMLResponse("", http.StatusServiceUnavailable),
		"a firewall's 403": offboardtest.HTMLResponse("", http.StatusForbidden),
		"a web page":       offboardtest.HTMLResponse("", http.StatusOK),
		"a redirect":       offboardtest.Redirect("", http.StatusFound, "/login"),
		"denied":           offboardtest.Respond("", 403, `{"code":7,"message":"no (AUTH-5mWD2)"}`),
		"unauthenticated":  offboardtest.Respond("", 401, `{"code":16,"message":"no (AUTH-7fs1e)"}`),
		"another":          offboardtest.EditBody("", func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "acme", "bolt")) }),
	}
	for caller, test := range map[string]struct {
		operation, read, body string
	}{
		"an owner of the instance":                                 {"DeleteOrganization", "GetOrganization", `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`},
		"a manager who may read nothing else":                      {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"an owner of the organization, from another organization":  {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
		"an owner of the organization, from the same organization": {"DeleteOrganizationV2", "GetMyOrganization", `{"deletionDate":"2026-11-22T05:10:49.122741Z"}`},
	} {
		for name, fault := range faults {
			for _, reads := range []int{1, 1000} {
				t.Run(caller+", "+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						srv, c := newFullAcme(t)
						callers[caller].prepare(srv)
						p := planOf(t, c)
						fault := fault
						fault.Operation, fault.Times = test.read, reads
						// The reads that follow the deletion fail.
						first := true
						r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(callers[caller].permits...),
							teardown.WithJournal(journalFunc(func(entry []byte) {
								if first && strings.Contains(string(entry), `"deletion_started"`) {
									first = false
									srv.Fail(offboardtest.Ignore(test.operation, 200, test.body), fault)
								}
							})))
						if r == nil {
							t.Fatal(err)
						}
						want := teardown.Deleted // by a second deletion
						switch {
						case reads == 1:
						case caller == "an owner of the organization, from the same organization" && name == "unauthenticated":
							return // a deletion would look the same
						default:
							want = teardown.Unknown
						}
						if r.Outcome != want || srv.Exists("acme") != (want == teardown.Unknown) {
							t.Errorf("%d reads: got %q, %v after %d deletions; it exists: %t", reads, r.Outcome, err, srv.Count(test.operation), srv.Exists("acme"))
						}
					})
				})
			}
		}
	}
}

// journalFunc is a journal that passes each entry to a function.
type journalFunc func([]byte)

func (w journalFunc) Write(entry []byte) (int, error) {
	w(entry)
	return len(entry), nil
}

// Zitadel may perform a deletion later if it answered with an undocumented success.
func TestTeardown_UndocumentedSuccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		later  bool
		want   teardown.Outcome
	}{
		"202":                    {202, "{}", false, teardown.Unknown},
		"204":                    {204, "", false, teardown.Unknown},
		"200":                    {200, "{}", false, teardown.Unknown},
		"202, and deleted later": {202, "{}", true, teardown.Deleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newFullAcme(t)
				p := planOf(t, c)
				ignored := offboardtest.Ignore("DeleteOrganization", test.status, test.body)
				ignored.Times = 1000
				if test.later {
					ignored.Times = 1
					time.AfterFunc(8*time.Second, func() { deleteAcme(srv) })
				}
				srv.Fail(ignored)
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != test.want || (code(err) == errors.OutcomeUnknown) != (test.want == teardown.Unknown) {
					t.Errorf("got %+v, %v", r, err)
				}
				if sent := srv.Count("DeleteOrganization"); sent > 4 || test.later && sent != 2 { // one by deleteAcme
					t.Errorf("the deletion was sent %d times", sent)
				}
			})
		})
	}
}

// If the organization still exists after a deletion by the management API, the deletion is sent
// again. Refused reads prove nothing then: the credential may have expired since the last read.
func TestTeardown_StillExists(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		expires bool
		want    teardown.Outcome
	}{{false, teardown.Deleted}, {true, teardown.Unknown}} {
		synctest.Test(t, func(t *testing.T) {
			srv := zitadeltest.NewServer()
			srv.Legacy(true)
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			srv.SetPermissions("org.read", "org.write", "org.delete")
			c := newClient(t, srv)
			srv.Fail(offboardtest.Respond("DeleteMyOrganization", 200, `{"details":{"sequence":"5","resourceOwner":"acme"}}`))
			p := planOf(t, c)
			if test.expires {
				time.AfterFunc(12*time.Second, func() {
					const refused = `{"code":16,"message":"no (AUTH-7fs1e)"}`
					srv.Fail(always(offboardtest.Respond("GetMyOrganization", 401, refused)),
						always(offboardtest.Respond("DeleteMyOrganization", 401, refused)))
				})
			}
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
			if r == nil || r.Outcome != test.want || (err == nil) != (test.want == teardown.Deleted) {
				t.Errorf("got %+v, %v, want %s", r, err, test.want)
			}
		})
	}
}

// After a first success, refusals of further deletions prove nothing.
func TestTeardown_SecondDeletionRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newFullAcme(t)
				p := planOf(t, c)
				refused := offboardtest.Respond("DeleteOrganization", status, `{"code":7,"message":"no (AUTH-5mWD2)"}`)
				refused.Times = 1000
				srv.Fail(offboardtest.Respond("DeleteOrganization", 200, `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`), refused)
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown {
					t.Errorf("got %+v, %v", r, err)
				}
			})
		})
	}
}

// If reads after a deletion by the management API reach another organization, the deletion may
// have reached it as well.
func TestTeardown_HeaderDroppedAfterTheDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newFullAcme(t)
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true})
		callers["a manager at an old server"].prepare(srv)
		p := planOf(t, c)
		deleted := false
		c = newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: headerDropping{srv, func(req *http.Request) bool {
			defer func() {
				deleted = deleted || req.Method == http.MethodDelete && strings.HasPrefix(req.URL.Path, "/management/")
			}()
			return deleted
		}}}))
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
		if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestTeardown_Suite(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*zitadeltest.Server){
		"v4.13.1":  func(srv *zitadeltest.Server) { srv.Lag(time.Second) },
		"v2.54.10": func(srv *zitadeltest.Server) { srv.Legacy(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			teardownsuite.Provider{
				Outcome: teardown.Deleted,
				New: func(t testing.TB) *teardownsuite.World {
					srv := zitadeltest.NewServer()
					addWithCascades(srv, "acme", "Acme")
					addWithCascades(srv, "bolt", "Bolt")
					addExternalUsers(srv, "bolt")
					prepare(srv)
					c, err := zitadel.New(srv.Option())
					if err != nil {
						t.Fatal(err)
					}
					return &teardownsuite.World{
						Server:     srv.Server,
						Plan:       func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, "acme") },
						Teardown:   c.Teardown,
						Check:      func(ctx context.Context) error { return c.CheckDeletion(ctx, "acme") },
						Name:       "Acme",
						AddBlocker: func() { addExternalUsers(srv, "acme") },
						Deleted:    func() bool { return !srv.Exists("acme") },
						Unrelated:  func() any { return slices.DeleteFunc(srv.Contents(), isCascade) },
					}
				},
			}.Run(t)
		})
	}
}

func TestPlan_Requests(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddOrganization(zitadeltest.Organization{ID: "idle", Name: "Idle"})
	if _, err := c.Plan(t.Context(), "idle"); err != nil {
		t.Fatal(err)
	}
	want := []string{"ListPermissions", "GetDefaultOrganization", "GetOrganization", "GetMyUser", "GetMyOrganization"}
	for _, operation := range []string{
		"ListUsersPage", "ListProjectsPage", "ListProjectGrantsPage", "ListUserGrantsPage", "ListGrantedProjectsPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage",
		"GetDomainPolicy", "GetLabelPolicy", "GetLockoutPolicy", "GetLoginPolicy", "GetNotificationPolicy", "GetPasswordAgePolicy",
		"GetPasswordComplexityPolicy", "GetPrivacyPolicy",
	} {
		want = append(want, operation)
		if operation != "ListDomainsPage" { // two more requests prove a list that names no organization
			want = append(want, operation, operation)
		}
	}
	want = append(want, "ListGroupsPage", "ListAuthorizationsPage", "ListAdministratorsPage")
	if diff := cmp.Diff(want, requests(srv)); diff != "" {
		t.Errorf("requests of the plan (-want +got):\n%s", diff)
	}
	// A teardown reads everything again, deletes the organization, and reads that it no longer exists.
	p := planOf(t, c)
	before := len(srv.Requests())
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Fatal(err)
	}
	sent := requests(srv)[before:]
	if diff := cmp.Diff([]string{"DeleteOrganization", "GetOrganization"}, sent[len(sent)-2:]); diff != "" {
		t.Errorf("last requests of the teardown (-want +got):\n%s", diff)
	}
}

// A teardown reads each list once, and each empty list twice. It does not read whether the
// organization is the default one.
func TestTeardown_Requests(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	srv.AddOrganization(zitadeltest.Organization{ID: "idle", Name: "Idle"})
	p, err := c.Plan(t.Context(), "idle")
	if err != nil {
		t.Fatal(err)
	}
	before := len(srv.Requests())
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Idle")); err != nil {
		t.Fatal(err)
	}
	want := []string{"ListPermissions", "GetOrganization", "GetMyUser"}
	for _, operation := range []string{
		"ListUsersPage", "ListProjectsPage", "ListGrantedProjectsPage", "ListMembersPage",
		"ListDomainsPage", "ListIdentityProvidersPage", "ListActionsPage", "ListMetadataPage",
		"GetDomainPolicy", "GetLabelPolicy", "GetLockoutPolicy", "GetLoginPolicy", "GetNotificationPolicy", "GetPasswordAgePolicy",
		"GetPasswordComplexityPolicy", "GetPrivacyPolicy",
	} {
		want = append(want, operation)
		if operation != "ListDomainsPage" { // its items name the organization
			want = append(want, operation)
		}
	}
	want = append(want, "ListGroupsPage", "ListAuthorizationsPage", "ListAdministratorsPage", "DeleteOrganization", "GetOrganization")
	if diff := cmp.Diff(want, requests(srv)[before:]); diff != "" {
		t.Errorf("requests of the teardown (-want +got):\n%s", diff)
	}
}

func TestTeardown_UndeletableOrganization(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		planned errors.Code // of the plan
		code    errors.Code
		deletes int
	}{
		"the default organization": {
			func(srv *zitadeltest.Server) { srv.SetDefault("acme") },
			errors.DefaultOrganization, errors.DefaultOrganization, 0,
		},
		"the system organization": { // no read shows it
			func(srv *zitadeltest.Server) { srv.SetSystem("acme") },
			"", errors.SystemOrganization, 1,
		},
		"a viewer": {
			func(srv *zitadeltest.Server) {
				srv.SetPermissions("iam.read", "org.read", "org.member.read", "user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read")
			},
			errors.PermissionDenied, errors.PermissionDenied, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				test.prepare(srv)
				p := planOf(t, c)
				if diff := cmp.Diff(fmt.Sprint(c.CheckDeletion(t.Context(), "acme")), fmt.Sprint(p.Err())); diff != "" || code(p.Err()) != test.planned {
					t.Errorf("the plan's error is %v (-CheckDeletion +plan):\n%s", p.Err(), diff)
				}
				if len(p.Cascades) == 0 {
					t.Error("the plan has no cascades")
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				if r == nil || r.Outcome != teardown.Blocked || code(err) != test.code || srv.Count("DeleteOrganization") != test.deletes || !srv.Exists("acme") {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count("DeleteOrganization"))
				}
			})
		})
	}
}

// The organization became the default one after the plan. Zitadel refuses the deletion.
func TestTeardown_DefaultSincePlan(t *testing.T) {
	t.Parallel()
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				caller.prepare(srv)
				p := planOf(t, c)
				srv.SetDefault("acme")
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
				if r == nil || r.Outcome != teardown.Blocked || code(err) != errors.DefaultOrganization || srv.Count(caller.operation) != 1 || !srv.Exists("acme") {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count(caller.operation))
				}
			})
		})
	}
}

// One caller makes the plan, and another one applies it.
func TestTeardown_PlanOfViewer(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	owner := []string{"iam.read", "org.read", "org.member.read", "user.read", "user.grant.read", "project.read", "project.app.read", "project.grant.read"}
	srv.SetPermissions(owner...)
	p := planOf(t, c)
	srv.SetPermissions(append(owner, "iam.write")...)
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTeardown_OwnOrganizationOverride(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
	c := newClient(t, srv)
	p := planOf(t, c)
	if diff := cmp.Diff([]teardown.Override{teardown.OwnOrganization}, p.Overrides()); diff != "" {
		t.Errorf("overrides (-want +got):\n%s", diff)
	}
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); r != nil || code(err) != errors.NotConfirmed || srv.Count("DeleteOrganization") != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	// The credential ends with the organization, so no read succeeds.
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	if err != nil || r.Outcome != teardown.Deleted || srv.Exists("acme") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTeardown_OwnOrganizationLostAnswer(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
	c := newClient(t, srv)
	p := planOf(t, c)
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
	if r == nil || r.Outcome != teardown.Unknown || code(err) != errors.OutcomeUnknown || srv.Count("DeleteOrganization") != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTeardown_StalePlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *zitadeltest.Server, *teardown.Plan) *zitadel.Client{
		"of another instance": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			return newClient(t, srv, zitadel.WithBaseURL("https://other.fake.invalid"))
		},
		"of another provider": func(t *testing.T, srv *zitadeltest.Server, p *teardown.Plan) *zitadel.Client {
			p.Provider = "katapult"
			p.Organization.ID = "org_none" // would look deleted
			teardownsuite.Seal(p)
			return newClient(t, srv)
		},
		"renamed since": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme Ltd"})
			return newClient(t, srv)
		},
		"the caller's own since": func(t *testing.T, srv *zitadeltest.Server, _ *teardown.Plan) *zitadel.Client {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme", Home: true})
			return newClient(t, srv)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newAcme(t)
			p := planOf(t, c)
			r, err := test(t, srv, p).Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
			if r != nil || code(err) != errors.PlanStale || srv.Count("DeleteOrganization") != 0 || !srv.Exists("acme") {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestTeardown_InstanceWithSlash(t *testing.T) {
	t.Parallel()
	srv, c := newAcme(t)
	p := planOf(t, c)
	c = newClient(t, srv, zitadel.WithBaseURL(p.Instance+"/"))
	if r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil || r.Outcome != teardown.Deleted {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTeardown_ReadsAfterDeletion(t *testing.T) {
	t.Parallel()
	shown := `{"org":{"id":"acme","state":"ORG_STATE_ACTIVE","name":"Acme","details":{"resourceOwner":"acme"}}}`
	showing := func(times int) offboardtest.Fault {
		f := offboardtest.Respond("GetOrganization", http.StatusOK, shown)
		f.Times = times
		return f
	}
	for name, test := range map[string]struct {
		fault   offboardtest.Fault // of reads after the deletion
		outcome teardown.Outcome
		code    errors.Code
		within  time.Duration
	}{
		"at once":                   {offboardtest.Fault{}, teardown.Deleted, "", 0},
		"after a moment":            {showing(3), teardown.Deleted, "", 10 * time.Second},
		"never":                     {showing(1000), teardown.Unknown, errors.OutcomeUnknown, 90 * time.Second},
		"denied once":               {offboardtest.Respond("GetOrganization", http.StatusForbidden, `{"code":7,"message":"no (AUTH-5mWD2)"}`), teardown.Deleted, "", 2 * time.Second},
		"another organization once": {offboardtest.Respond("GetOrganization", http.StatusOK, strings.ReplaceAll(shown, "acme", "bolt")), teardown.Deleted, "", 2 * time.Second},
		"unavailable":               {offboardtest.Fault{Operation: "GetOrganization", Times: 1000, Status: http.StatusServiceUnavailable, Body: "{}"}, teardown.Unknown, errors.OutcomeUnknown, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newAcme(t)
				p := planOf(t, c)
				srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}, test.fault) // the first read precedes the deletion
				start := time.Now()
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
				deletions := 1
				if name == "never" { // three further deletions
					deletions = 4
				}
				if r == nil || r.Outcome != test.outcome || code(err) != test.code || srv.Count("DeleteOrganization") != deletions {
					t.Errorf("got %+v, %v after %d deletions", r, err, srv.Count("DeleteOrganization"))
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want %v at most", took, test.within)
				}
			})
		})
	}
}

func TestPlan_FailedRead(t *testing.T) {
	t.Parallel()
	denied := func(operation string) offboardtest.Fault {
		return offboardtest.Respond(operation, http.StatusForbidden, `{"code":7,"message":"no (AUTH-5mWD2)"}`)
	}
	for name, test := range map[string]struct {
		id    string
		fault offboardtest.Fault
		code  errors.Code
	}{
		"no id":                              {"", offboardtest.Fault{}, errors.InvalidArgument},
		"an organization that never existed": {"none", offboardtest.Fault{}, errors.OrganizationNotFound},
		"permissions":                        {"acme", denied("ListPermissions"), errors.PermissionDenied},
		"the default organization":           {"acme", denied("GetDefaultOrganization"), errors.PermissionDenied},
		"the organization":                   {"acme", denied("GetOrganization"), errors.PermissionDenied},
		"the credential's user":              {"acme", denied("GetMyUser"), errors.PermissionDenied},
		"the user's organization":            {"acme", offboardtest.Respond("GetMyUser", http.StatusOK, `{"user":{"id":"1"}}`), errors.UnexpectedResponse},
		"the organization of the requests":   {"acme", offboardtest.Respond("GetMyOrganization", http.StatusOK, `{"org":{"id":"bolt","state":"ORG_STATE_ACTIVE"}}`), errors.NotConfirmed},
		"users":                              {"acme", denied("ListUsersPage"), errors.PermissionDenied},
		"projects":                           {"acme", denied("ListProjectsPage"), errors.PermissionDenied},
		"applications":                       {"acme", denied("ListAppsPage"), errors.PermissionDenied},
		"project grants":                     {"acme", denied("ListProjectGrantsPage"), errors.PermissionDenied},
		"granted projects":                   {"acme", denied("ListGrantedProjectsPage"), errors.PermissionDenied},
		"roles":                              {"acme", denied("ListUserGrantsPage"), errors.PermissionDenied},
		"members":                            {"acme", denied("ListMembersPage"), errors.PermissionDenied},
		"domains":                            {"acme", denied("ListDomainsPage"), errors.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := newAcme(t)
			srv.Fail(test.fault)
			if p, err := c.Plan(t.Context(), test.id); p != nil || code(err) != test.code {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	t.Run("roles at another organization", func(t *testing.T) {
		t.Parallel()
		srv, c := newAcme(t)
		srv.Fail(offboardtest.Fault{Operation: "ListUserGrantsPage"}, denied("ListUserGrantsPage"))
		if p, err := c.Plan(t.Context(), "acme"); p != nil || code(err) != errors.PermissionDenied {
			t.Errorf("got %+v, %v", p, err)
		}
	})
}

func TestDriver_UnknownStep(t *testing.T) {
	t.Parallel()
	driver := newClient(t, zitadeltest.NewServer()).RunDriver()
	step := teardown.Step{ID: "user/1"}
	if _, err := driver.Act(t.Context(), teardown.Organization{}, step); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
	for _, steps := range [][]teardown.Step{{step}, nil} {
		if all, err := driver.Poll(t.Context(), teardown.Organization{}, "", steps); all != nil || !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("got %v, %v", all, err)
		}
	}
}

// A user who is new when the deletion waited for the rate limit, or is sent again, is not deleted:
// another inspection precedes the deletion.
func TestTeardown_NewBeforeLateDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		delay func(*testing.T, *zitadeltest.Server, *zitadel.Client)
		want  teardown.Outcome
		sent  int
	}{
		"rate limit": {func(t *testing.T, srv *zitadeltest.Server, c *zitadel.Client) {
			limited := offboardtest.Respond("GetOrganization", 429, `{"code":8,"message":"slow down"}`)
			limited.Header.Set("Retry-After", "60")
			srv.Fail(limited)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.GetOrganization(ctx, "acme"); code(err) != errors.RateLimitReached { // another call of the client
				t.Error(err)
			}
		}, teardown.Blocked, 0},
		// After an accepted deletion nothing shows that the provider will not start it.
		"never started": {func(_ *testing.T, srv *zitadeltest.Server, _ *zitadel.Client) {
			srv.Fail(offboardtest.Ignore("DeleteOrganization", 200, `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`))
		}, teardown.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, c := newFullAcme(t)
				p := planOf(t, c)
				first := true
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithRetryFor(0), teardown.WithJournal(journalFunc(func(entry []byte) {
					if first && strings.Contains(string(entry), `"deletion_started"`) {
						first = false
						test.delay(t, srv, c)
						time.AfterFunc(3*time.Second, func() { additions["a user"](srv) })
					}
				})))
				if n := srv.Count("DeleteOrganization"); r == nil || r.Outcome != test.want || n != test.sent || !srv.Exists("acme") {
					t.Errorf("got %+v, %v after %d deletions, want %q after %d", r, err, n, test.want, test.sent)
				}
			})
		})
	}
}

// An old server has no API v2, and the read before the other deletion fails: no deletion was sent.
// If others delete the organization then, this teardown did not.
func TestTeardown_DeletedByOthersBeforeDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := newFullAcme(t)
		others := newClient(t, srv)
		callers["a manager at an old server"].prepare(srv)
		p := planOf(t, c)
		first := true
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithJournal(journalFunc(func(entry []byte) {
			if first && strings.Contains(string(entry), `"deletion_started"`) {
				first = false
				down := offboardtest.Respond("GetMyOrganization", http.StatusServiceUnavailable, `{}`)
				down.Times = 5 // attempts of the read
				srv.Fail(down)
			}
		})), teardown.WithEvents(func(e teardown.Event) {
			if e.Kind == teardown.EventRetrying {
				if n := srv.Count("DeleteMyOrganization"); n > 0 {
					t.Errorf("%d deletions were sent", n)
				}
				if _, err := others.DeleteMyOrganization(t.Context(), "acme"); err != nil {
					t.Error(err)
				}
			}
		}))
		if n := srv.Count("DeleteMyOrganization"); r == nil || r.Outcome != teardown.NotFound || err == nil || n != 1 {
			t.Errorf("got %+v, %v after %d deletions, want %q after 1", r, err, n, teardown.NotFound)
		}
	})
}
