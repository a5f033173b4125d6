package zitadel_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// newClient returns a client of a fake, with further options.
func newClient(t *testing.T, srv *zitadeltest.Server, options ...zitadel.Option) *zitadel.Client {
	t.Helper()
	c, err := zitadel.New(append([]zitadel.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests returns the operations of the requests to a fake, in order.
func requests(srv *zitadeltest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		operations = append(operations, r.Operation)
	}
	return operations
}

func code(err error) errors.Code {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

// headerDropping is a proxy that drops the header x-zitadel-orgid from selected requests. It
// sets the header to the caller's own organization, which has the same effect, because tests
// compare requests with the OpenAPI description.
type headerDropping struct {
	next http.RoundTripper
	from func(*http.Request) bool
}

func (d headerDropping) RoundTrip(req *http.Request) (*http.Response, error) {
	if d.from(req) && req.Header.Get("x-zitadel-orgid") != "" {
		req = req.Clone(req.Context())
		req.Header.Set("x-zitadel-orgid", "home")
	}
	return d.next.RoundTrip(req)
}

func anyRequest(*http.Request) bool { return true }

// newHome returns a fake whose caller belongs to the organization "home". Unless empty, "home"
// has one resource of each kind, as "acme" has.
func newHome(t *testing.T, empty bool, from func(*http.Request) bool) (*zitadeltest.Server, *zitadel.Client) {
	t.Helper()
	srv := zitadeltest.NewServer()
	addWithCascades(srv, "acme", "Acme")
	addExternalRoles(srv, "acme")
	if !empty {
		addWithCascades(srv, "home", "Home")
		addExternalRoles(srv, "home")
	}
	srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	return srv, newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: headerDropping{srv, from}}))
}

// lists are all calls that read resources of the organization of the header.
var lists = map[string]func(context.Context, *zitadel.Client) (int, error){
	"users": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUsers(ctx, "acme")))
	},
	"projects": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjects(ctx, "acme")))
	},
	"granted projects": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListGrantedProjects(ctx, "acme")))
	},
	"project grants": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectGrants(ctx, "acme")))
	},
	"user grants": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUserGrants(ctx, "acme")))
	},
	"members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListMembers(ctx, "acme")))
	},
	"domains": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListDomains(ctx, "acme")))
	},
	"identity providers": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListIdentityProviders(ctx, "acme")))
	},
	"actions": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListActions(ctx, "acme")))
	},
	"metadata": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListMetadata(ctx, "acme")))
	},
	"policies": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListPolicies(ctx, "acme")))
	},
	"applications": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListApps(ctx, "acme-shop", "acme")))
	},
	"project members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectMembers(ctx, "acme-shop", "acme")))
	},
	"grant members": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListProjectGrantMembers(ctx, "acme-shop", "acme-lent", "acme")))
	},
	"memberships of a user": func(ctx context.Context, c *zitadel.Client) (int, error) {
		return size(collect(c.ListUserMemberships(ctx, "acme-ada", "acme")))
	},
	"a count": func(ctx context.Context, c *zitadel.Client) (int, error) {
		n, err := c.Count(ctx, "acme", zitadel.CascadeUsers)
		return int(n), err
	},
	"the organization": func(ctx context.Context, c *zitadel.Client) (int, error) {
		_, err := c.GetMyOrganization(ctx, "acme")
		return 1, err
	},
}

func size[T any](items []T, err error) (int, error) { return len(items), err }

func TestHeader_DroppedFromReads(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		for _, empty := range []bool{false, true} {
			srv, c := newHome(t, empty, anyRequest)
			if n, err := list(t.Context(), c); code(err) != errors.UnexpectedResponse {
				// The list of a user has roles in the instance, whatever the organization.
				t.Errorf("%s, empty %t: got %d items and %v, want code %q", name, empty, n, err, errors.UnexpectedResponse)
			}
			// Without the proxy the list has items.
			if n, err := list(t.Context(), newClient(t, srv)); err != nil || n == 0 {
				t.Errorf("%s: got %d items and %v without the proxy", name, n, err)
			}
		}
	}
}

func TestHeader_DroppedFromWrites(t *testing.T) {
	t.Parallel()
	writes := func(req *http.Request) bool {
		return req.URL.Path != "/management/v1/orgs/me" || req.Method != http.MethodGet
	}
	for name, test := range map[string]struct {
		operation string
		call      func(context.Context, *zitadel.Client) error
		code      errors.Code // if all requests lose the header
	}{
		"deactivation": {"DeactivateOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.DeactivateOrganization(ctx, "acme")
			return err
		}, errors.UnexpectedResponse},
		"reactivation": {"ReactivateOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.ReactivateOrganization(ctx, "acme")
			return err
		}, errors.UnexpectedResponse},
		"deletion": {"DeleteMyOrganization", func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.DeleteMyOrganization(ctx, "acme")
			return err
		}, errors.NotConfirmed},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, c := newHome(t, true, anyRequest)
			if name == "reactivation" {
				srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true, Inactive: true})
			}
			before := srv.Contents()
			if err := test.call(t.Context(), c); code(err) != test.code || srv.Count(test.operation) != 0 {
				t.Errorf("%s: got %v after %d writes, want code %q", name, err, srv.Count(test.operation), test.code)
			}
			if diff := cmp.Diff(before, srv.Contents()); diff != "" {
				t.Errorf("%s: contents changed (-before +after):\n%s", name, diff)
			}
			// If only the write loses the header, the answer names the other organization.
			c = newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: headerDropping{srv, writes}}))
			if err := test.call(t.Context(), c); test.operation != "DeleteMyOrganization" && code(err) != errors.UnexpectedResponse {
				t.Errorf("%s: got %v, want code %q", name, err, errors.UnexpectedResponse)
			}
		})
	}
}

func TestHeader_VerifiedByOneRead(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *zitadel.Client) error{
		"a plan":    func(ctx context.Context, c *zitadel.Client) error { _, err := c.Plan(ctx, "acme"); return err },
		"a preview": func(ctx context.Context, c *zitadel.Client) error { _, err := c.Preview(ctx, "acme"); return err },
		"a check":   func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletionV2(ctx, "acme") },
	} {
		_, c := newHome(t, true, anyRequest)
		if err := call(t.Context(), c); code(err) != errors.NotConfirmed {
			t.Errorf("%s: got %v, want code %q", name, err, errors.NotConfirmed)
		}
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		if err := call(t.Context(), newClient(t, srv)); err != nil || srv.Count("GetMyOrganization") != 1 {
			t.Errorf("%s: got %v after %d reads of the organization", name, err, srv.Count("GetMyOrganization"))
		}
	}
	// If later requests lose the header, the items name the other organization.
	_, c := newHome(t, false, func(req *http.Request) bool { return req.Method == http.MethodPost })
	if _, err := c.Plan(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
		t.Errorf("got %v, want code %q", err, errors.UnexpectedResponse)
	}
}

// headerLosing is a proxy that drops the header from selected requests. It counts the requests
// with the header from 1 on.
type headerLosing struct {
	next http.RoundTripper
	lose func(n int, req *http.Request) bool

	mu   sync.Mutex
	n    int
	lost []string // paths of the requests that lost the header
}

func (l *headerLosing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("x-zitadel-orgid") != "" {
		l.mu.Lock()
		l.n++
		loses := l.lose(l.n, req)
		if loses {
			l.lost = append(l.lost, req.Method+" "+req.URL.Path)
		}
		l.mu.Unlock()
		if loses {
			req = req.Clone(req.Context())
			req.Header.Set("x-zitadel-orgid", "home") // as without the header
		}
	}
	return l.next.RoundTrip(req)
}

// byHeader are all calls that send the header, with their results.
var byHeader = func() map[string]func(context.Context, *zitadel.Client) (any, error) {
	all := map[string]func(context.Context, *zitadel.Client) (any, error){
		"a plan": func(ctx context.Context, c *zitadel.Client) (any, error) {
			p, err := c.Plan(ctx, "acme")
			if err != nil {
				return nil, err
			}
			return p.Cascades, nil
		},
		"a preview": func(ctx context.Context, c *zitadel.Client) (any, error) { return c.Preview(ctx, "acme") },
		"a check":   func(ctx context.Context, c *zitadel.Client) (any, error) { return nil, c.CheckDeletionV2(ctx, "acme") },
		"a teardown": func(ctx context.Context, c *zitadel.Client) (any, error) {
			p, err := c.Plan(ctx, "acme")
			if err != nil {
				return nil, err
			}
			r, err := c.Teardown(ctx, p, teardown.WithConfirm("Acme"))
			if r == nil {
				return nil, err
			}
			return r.Outcome, err
		},
		"a deletion": func(ctx context.Context, c *zitadel.Client) (any, error) {
			_, err := c.DeleteMyOrganization(ctx, "acme")
			return nil, err
		},
		"a deletion by v2": func(ctx context.Context, c *zitadel.Client) (any, error) {
			_, err := c.DeleteOrganizationV2(ctx, "acme")
			return nil, err
		},
		"a wait": func(ctx context.Context, c *zitadel.Client) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			err := c.WaitForDeletion(ctx, "acme", nil)
			return code(err), ignoreCode(err, errors.NotFinished)
		},
		"a deactivation": func(ctx context.Context, c *zitadel.Client) (any, error) {
			_, err := c.DeactivateOrganization(ctx, "acme")
			return nil, err
		},
		"a second deactivation": func(ctx context.Context, c *zitadel.Client) (any, error) {
			if _, err := c.DeactivateOrganization(ctx, "acme"); err != nil {
				return nil, err
			}
			_, err := c.DeactivateOrganization(ctx, "acme")
			return code(err), ignoreCode(err, errors.OrganizationInactive)
		},
		"a reactivation": func(ctx context.Context, c *zitadel.Client) (any, error) {
			_, err := c.ReactivateOrganization(ctx, "acme")
			return code(err), ignoreCode(err, errors.OrganizationActive)
		},
	}
	for name, list := range lists {
		all[name] = func(ctx context.Context, c *zitadel.Client) (any, error) { return list(ctx, c) }
	}
	return all
}()

// ignoreCode returns the error of a call, or nil if the error has the expected code.
func ignoreCode(err error, want errors.Code) error {
	if code(err) == want {
		return nil
	}
	return err
}

// targets create the organization "acme".
var targets = map[string]func(*zitadeltest.Server){
	"with all kinds": func(srv *zitadeltest.Server) {
		addWithCascades(srv, "acme", "Acme")
		addExternalRoles(srv, "acme")
	},
	"with pages": func(srv *zitadeltest.Server) {
		addWithCascades(srv, "acme", "Acme")
		addExternalRoles(srv, "acme")
		for i := range 130 {
			user := srv.AddUser(zitadeltest.User{Organization: "acme", UserName: fmt.Sprint("user-", i)})
			srv.AddAction(zitadeltest.Action{Organization: "acme", Name: fmt.Sprint("action-", i)})
			srv.AddProjectMember(zitadeltest.ProjectMember{Project: "acme-shop", User: user})
		}
	},
	"with nothing": func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "acme", Name: "Acme"})
	},
}

// isSlow reports whether a combination is skipped because its call sends many requests.
func isSlow(name, target, home, caller string) bool {
	switch name {
	case "a teardown":
		return target != "with nothing" || home != "empty" || caller != "a manager at an old server"
	case "a plan":
		return target == "with pages" || home == "inactive" || home != "empty" && caller != "an owner of the instance"
	}
	return target == "with pages" && (home != "empty" || caller != "an owner of the instance")
}

// homes create the organization "home" of the caller.
var homes = map[string]func(*zitadeltest.Server){
	"empty": func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	},
	"inactive": func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true, Inactive: true})
	},
	"with all kinds": func(srv *zitadeltest.Server) {
		addWithCascades(srv, "home", "Home")
		addExternalRoles(srv, "home")
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	},
}

// headerCallers are the callers of callWithHeaderLost.
var headerCallers = map[string]func(*zitadeltest.Server){
	"an owner of the instance":     func(*zitadeltest.Server) {},
	"an owner of the organization": ownAcmeOnly,
	"a manager at an old server": func(srv *zitadeltest.Server) {
		callers["a manager at an old server"].prepare(srv)
	},
}

// callWithHeaderLost runs a call with a proxy that drops the header. If the call returns no error,
// it must not change the caller's own organization.
func callWithHeaderLost(t *testing.T, target, home, caller string, call func(context.Context, *zitadel.Client) (any, error),
	lose func(n int, req *http.Request) bool,
) (result any, p *headerLosing, err error) {
	t.Helper()
	srv := zitadeltest.NewServer()
	targets[target](srv)
	homes[home](srv)
	headerCallers[caller](srv)
	p = &headerLosing{next: srv, lose: lose}
	before := homeContents(srv)
	result, err = call(t.Context(), newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: p})))
	if diff := cmp.Diff(before, homeContents(srv)); diff != "" && err == nil {
		t.Errorf("the caller's own organization was changed, and the error is nil (-before +after):\n%s", diff)
	}
	return result, p, err
}

// homeContents returns the resources of the organization "home".
func homeContents(srv *zitadeltest.Server) []string {
	return slices.DeleteFunc(srv.Contents(), func(line string) bool { return !strings.Contains(line, "home") || strings.Contains(line, "acme") })
}

func never(int, *http.Request) bool { return false }

func TestHeader_LostOnce(t *testing.T) {
	t.Parallel()
	for name, call := range byHeader {
		for target := range targets {
			for home := range homes {
				for caller := range headerCallers {
					if isSlow(name, target, home, caller) {
						continue
					}
					t.Run(strings.Join([]string{name, target, home, caller}, "/"), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							want, p, wantErr := callWithHeaderLost(t, target, home, caller, call, never)
							for k := 1; k <= p.n; k += caseStep {
								got, lost, err := callWithHeaderLost(t, target, home, caller, call, func(n int, _ *http.Request) bool { return n == k })
								if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && (wantErr != nil || diff != "") {
									t.Errorf("lost on %v, request %d: the result differs, and the error is nil instead of %v (-want +got):\n%s", lost.lost, k, wantErr, diff)
								}
							}
						})
					})
				}
			}
		}
	}
}

// All requests to one path lose the header.
func TestHeader_LostOnOnePath(t *testing.T) {
	t.Parallel()
	for name, call := range byHeader {
		for target := range targets {
			for home := range homes {
				if isSlow(name, target, home, "an owner of the instance") {
					continue
				}
				t.Run(strings.Join([]string{name, target, home}, "/"), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						const caller = "an owner of the instance"
						paths := map[string]bool{}
						want, _, wantErr := callWithHeaderLost(t, target, home, caller, call, func(_ int, req *http.Request) bool {
							paths[req.Method+req.URL.Path] = true
							return false
						})
						for path := range paths {
							got, _, err := callWithHeaderLost(t, target, home, caller, call, func(_ int, req *http.Request) bool { return req.Method+req.URL.Path == path })
							if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && (wantErr != nil || diff != "") {
								t.Errorf("lost on %s: the result differs, and the error is nil instead of %v (-want +got):\n%s", path, wantErr, diff)
							}
							if err == nil && !strings.HasSuffix(name, "activation") {
								t.Errorf("lost on %s: got %v without an error", path, got)
							}
						}
					})
				})
			}
		}
	}
}

// slowTransport delays the answers of a fake.
type slowTransport struct{ next http.RoundTripper }

func (s slowTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(20 * time.Millisecond)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return s.next.RoundTrip(req)
}

// One request for an organization that does not exist proves the header of a path for five
// minutes, for all organizations and lists.
func TestHeader_ProbedOncePerPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		homes["empty"](srv)
		for _, id := range []string{"acme", "bolt"} {
			srv.AddOrganization(zitadeltest.Organization{ID: id, Name: id})
		}
		probes, lossy := map[string]int{}, false
		p := &headerLosing{next: slowTransport{srv}, lose: func(_ int, req *http.Request) bool {
			if req.Header.Get("x-zitadel-orgid") == "offboard-no-such-organization" {
				probes[req.URL.Path]++
			}
			return lossy && strings.HasSuffix(req.URL.Path, "/actions/_search")
		}}
		c := newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: p}))
		for round := range 2 {
			var plans sync.WaitGroup
			for _, id := range []string{"acme", "bolt", "acme", "bolt", "acme"} {
				plans.Go(func() {
					if _, err := c.Plan(t.Context(), id); err != nil {
						t.Error(err)
					}
				})
			}
			plans.Wait()
			for path, n := range probes {
				if n != round+1 {
					t.Errorf("round %d: %d requests to %s for an organization that does not exist", round, n, path)
				}
			}
			if len(probes) != 17 {
				t.Errorf("round %d: got requests to %d paths, want 17", round, len(probes))
			}
			time.Sleep(5 * time.Minute)
		}
		lossy = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Plan(ctx, "acme"); code(err) != errors.Canceled {
			t.Errorf("got %v, want code %q", err, errors.Canceled)
		}
		if _, err := c.Plan(t.Context(), "acme"); code(err) != errors.UnexpectedResponse {
			t.Errorf("got %v, want code %q", err, errors.UnexpectedResponse)
		}
	})
}

// An empty list that states items is an unexpected response.
func TestHeader_TotalWithoutItems(t *testing.T) {
	t.Parallel()
	srv, c := newFullAcme(t)
	for operation, page := range map[string]func() error{
		"ListIdentityProvidersPage": func() error {
			_, err := c.ListIdentityProvidersPage(t.Context(), "acme", zitadel.IdentityProviderSearch{})
			return err
		},
		"ListUsersPage": func() error {
			_, err := c.ListUsersPage(t.Context(), "acme", zitadel.UserSearch{})
			return err
		},
		"ListActionsPage": func() error {
			_, err := c.ListActionsPage(t.Context(), "acme", zitadel.ListQuery{})
			return err
		},
	} {
		srv.Fail(offboardtest.Respond(operation, 200, `{"details":{"totalResult":"3"}}`))
		if err := page(); code(err) != errors.UnexpectedResponse {
			t.Errorf("%s: got %v, want code %q", operation, err, errors.UnexpectedResponse)
		}
	}
}

// A refusal because of the state of the caller's own organization proves nothing.
func TestHeader_RefusalAboutOtherState(t *testing.T) {
	t.Parallel()
	for operation, call := range map[string]func(context.Context, *zitadel.Client) error{
		"DeactivateOrganization": func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.DeactivateOrganization(ctx, "acme")
			return err
		},
		"ReactivateOrganization": func(ctx context.Context, c *zitadel.Client) error {
			_, err := c.ReactivateOrganization(ctx, "acme")
			return err
		},
	} {
		deactivates := operation == "DeactivateOrganization"
		for _, lost := range []bool{false, true} {
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Inactive: deactivates != lost})
			srv.AddOrganization(zitadeltest.Organization{ID: "home", Home: true, Inactive: deactivates})
			want := errors.OrganizationActive
			if deactivates {
				want = errors.OrganizationInactive
			}
			if lost {
				srv.Fail(offboardtest.DropHeader(operation, "x-zitadel-orgid"))
				want = errors.UnexpectedResponse
			}
			if err := call(t.Context(), newClient(t, srv)); code(err) != want {
				t.Errorf("%s, lost %t: got %v, want code %q", operation, lost, err, want)
			}
		}
	}
}

func TestClient_ZeroClientAndNilContext(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	var none context.Context
	for name, test := range map[string]struct {
		ctx    context.Context
		client *zitadel.Client
	}{
		"zero client": {t.Context(), new(zitadel.Client)},
		"nil context": {none, newClient(t, srv)},
	} {
		for call, do := range map[string]func(context.Context, *zitadel.Client) error{
			"Plan":            func(ctx context.Context, c *zitadel.Client) error { _, err := c.Plan(ctx, "acme"); return err },
			"Preview":         func(ctx context.Context, c *zitadel.Client) error { _, err := c.Preview(ctx, "acme"); return err },
			"CheckDeletion":   func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletion(ctx, "acme") },
			"CheckDeletionV2": func(ctx context.Context, c *zitadel.Client) error { return c.CheckDeletionV2(ctx, "acme") },
			"WaitForDeletion": func(ctx context.Context, c *zitadel.Client) error { return c.WaitForDeletion(ctx, "acme", nil) },
			"DeactivateOrganization": func(ctx context.Context, c *zitadel.Client) error {
				_, err := c.DeactivateOrganization(ctx, "acme")
				return err
			},
			"ListUsers": func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListUsers(ctx, "acme"))
				return err
			},
			"ListPolicies": func(ctx context.Context, c *zitadel.Client) error {
				_, err := collect(c.ListPolicies(ctx, "acme"))
				return err
			},
			"DeleteOrganization": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteOrganization"](ctx, c, "acme")
			},
			"DeleteMyOrganization": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteMyOrganization"](ctx, c, "acme")
			},
			"DeleteOrganizationV2": func(ctx context.Context, c *zitadel.Client) error {
				return routes["DeleteOrganizationV2"](ctx, c, "acme")
			},
		} {
			if err := do(test.ctx, test.client); code(err) != errors.InvalidArgument {
				t.Errorf("%s, %s: got %v, want code %q", name, call, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// An error names the argument, and not the header.
func TestHeader_InvalidID(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	_, err := newClient(t, srv).GetMyOrganization(t.Context(), "a/b")
	if code(err) != errors.InvalidArgument || !strings.Contains(err.Error(), "orgID must ") || len(srv.Requests()) != 0 {
		t.Errorf("got %v after %d requests, want code %q", err, len(srv.Requests()), errors.InvalidArgument)
	}
}
