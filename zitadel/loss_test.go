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

// losing is a proxy that loses the header of the requests that it chooses, of those with
// the header, which it counts from 1 on.
type losing struct {
	next http.RoundTripper
	lose func(n int, req *http.Request) bool

	mu   sync.Mutex
	n    int
	lost []string // the paths of the requests that lost it
}

func (l *losing) RoundTrip(req *http.Request) (*http.Response, error) {
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
			req.Header.Set("x-zitadel-orgid", "home") // as without it, and as described
		}
	}
	return l.next.RoundTrip(req)
}

// byHeader are all calls that send the header, with what they return.
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
			return code(err), second(err, errors.NotFinished)
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
			return code(err), second(err, errors.OrganizationInactive)
		},
		"a reactivation": func(ctx context.Context, c *zitadel.Client) (any, error) {
			_, err := c.ReactivateOrganization(ctx, "acme")
			return code(err), second(err, errors.OrganizationActive)
		},
	}
	for name, list := range lists {
		all[name] = func(ctx context.Context, c *zitadel.Client) (any, error) { return list(ctx, c) }
	}
	return all
}()

// second returns the error of a call, unless it has the code that is expected.
func second(err error, want errors.Code) error {
	if code(err) == want {
		return nil
	}
	return err
}

// targets prepare the organization "acme".
var targets = map[string]func(*zitadeltest.Server){
	"with all kinds": func(srv *zitadeltest.Server) {
		endow(srv, "acme", "Acme")
		settle(srv, "acme")
	},
	"with pages": func(srv *zitadeltest.Server) {
		endow(srv, "acme", "Acme")
		settle(srv, "acme")
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

// isSlow reports whether a call is made of so many requests that it is tried with few
// combinations.
func isSlow(name, target, home, caller string) bool {
	switch name {
	case "a teardown":
		return target != "with nothing" || home != "empty" || caller != "a manager at an old server"
	case "a plan":
		return target == "with pages" || home == "inactive" || home != "empty" && caller != "an owner of the instance"
	}
	return target == "with pages" && (home != "empty" || caller != "an owner of the instance")
}

// homes prepare the organization "home" of the caller.
var homes = map[string]func(*zitadeltest.Server){
	"empty": func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	},
	"inactive": func(srv *zitadeltest.Server) {
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true, Inactive: true})
	},
	"with all kinds": func(srv *zitadeltest.Server) {
		endow(srv, "home", "Home")
		settle(srv, "home")
		srv.AddOrganization(zitadeltest.Organization{ID: "home", Name: "Home", Home: true})
	},
}

// lossy are the callers of a call with losses.
var lossy = map[string]func(*zitadeltest.Server){
	"an owner of the instance":     func(*zitadeltest.Server) {},
	"an owner of the organization": ownAcmeOnly,
	"a manager at an old server": func(srv *zitadeltest.Server) {
		callers["a manager at an old server"].prepare(srv)
	},
}

// A call with a proxy that loses the header: it changes nothing of the caller's own
// organization and returns nil, and its result is the same or an error.
func underLoss(t *testing.T, target, home, caller string, call func(context.Context, *zitadel.Client) (any, error),
	lose func(n int, req *http.Request) bool,
) (result any, p *losing, err error) {
	t.Helper()
	srv := zitadeltest.NewServer()
	targets[target](srv)
	homes[home](srv)
	lossy[caller](srv)
	p = &losing{next: srv, lose: lose}
	before := ofHome(srv)
	result, err = call(t.Context(), newClient(t, srv, zitadel.WithHTTPClient(&http.Client{Transport: p})))
	if diff := cmp.Diff(before, ofHome(srv)); diff != "" && err == nil {
		t.Errorf("the caller's own organization was changed, and the error is nil (-before +after):\n%s", diff)
	}
	return result, p, err
}

// ofHome returns what the organization "home" has.
func ofHome(srv *zitadeltest.Server) []string {
	return slices.DeleteFunc(srv.Contents(), func(line string) bool { return !strings.Contains(line, "home") || strings.Contains(line, "acme") })
}

func never(int, *http.Request) bool { return false }

func TestContext_HeaderLostOnce(t *testing.T) {
	t.Parallel()
	for name, call := range byHeader {
		for target := range targets {
			for home := range homes {
				for caller := range lossy {
					if isSlow(name, target, home, caller) {
						continue
					}
					t.Run(strings.Join([]string{name, target, home, caller}, "/"), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							want, p, wantErr := underLoss(t, target, home, caller, call, never)
							for k := 1; k <= p.n; k += thinned {
								got, lost, err := underLoss(t, target, home, caller, call, func(n int, _ *http.Request) bool { return n == k })
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

// A proxy that loses the header on the way to one path.
func TestContext_HeaderLostOnOnePath(t *testing.T) {
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
						want, _, wantErr := underLoss(t, target, home, caller, call, func(_ int, req *http.Request) bool {
							paths[req.Method+req.URL.Path] = true
							return false
						})
						for path := range paths {
							got, _, err := underLoss(t, target, home, caller, call, func(_ int, req *http.Request) bool { return req.Method+req.URL.Path == path })
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

// Something new is added after the plan, or while the teardown waits after it has read the
// organization, and the header of one request is lost then: what a single read shows to be
// empty may hide it from the read right before the deletion.
func TestTeardown_NewBeforeTheDeletionAndHeaderLostOnce(t *testing.T) {
	t.Parallel()
	for name, add := range additions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// attempt loses the header of the first request to a path once something was added
				// after the plan, and returns the paths of all such requests.
				attempt := func(lost string) []string {
					srv := zitadeltest.NewServer()
					endow(srv, "acme", "Acme")
					homes["empty"](srv)
					planned, paths := false, []string(nil)
					p := &losing{next: srv, lose: func(_ int, req *http.Request) bool {
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
					if i%thinned == 0 {
						attempt(path)
					}
				}
			})
		})
		t.Run(name+", while it waits", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// attempt loses the header of the first request to a path once something was added,
				// and returns the paths of all such requests.
				attempt := func(lost string) []string {
					srv := zitadeltest.NewServer()
					endow(srv, "acme", "Acme")
					homes["empty"](srv)
					added, paths := false, []string(nil)
					p := &losing{next: srv, lose: func(_ int, req *http.Request) bool {
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
						if e.Kind == teardown.Started {
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
					if i%thinned == 0 {
						attempt(path)
					}
				}
			})
		})
	}
}

// slow is a fake that takes a while to answer.
type slow struct{ next http.RoundTripper }

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(20 * time.Millisecond)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return s.next.RoundTrip(req)
}

// A request for an organization that does not exist shows once in five minutes that the
// header arrives at a path, whichever organization and however many lists are read.
func TestContext_ArrivalIsShownOncePerPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		homes["empty"](srv)
		for _, id := range []string{"acme", "bolt"} {
			srv.AddOrganization(zitadeltest.Organization{ID: id, Name: id})
		}
		probes, lossy := map[string]int{}, false
		p := &losing{next: slow{srv}, lose: func(_ int, req *http.Request) bool {
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
		lossy = true // from now on
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

// The header is lost on the way of the deletion alone, at two organizations whose events
// have the same numbers.
func TestDeleteMyOrganization_HeaderLostOnTheDeletion(t *testing.T) {
	t.Parallel()
	for caller := range lossy {
		for home := range homes {
			t.Run(caller+", "+home, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					onDeletion := func(_ int, req *http.Request) bool { return req.Method == http.MethodDelete }
					_, _, err := underLoss(t, "with nothing", home, caller, byHeader["a deletion"], onDeletion)
					want := errors.OutcomeUnknown
					if caller == "an owner of the organization" { // may not delete the other one
						want = errors.PermissionDenied
					}
					if code(err) != want {
						t.Fatalf("got %v, want code %q", err, want)
					}
					if text := err.Error(); want == errors.OutcomeUnknown && (!strings.Contains(text, `sequence 5`) || !strings.Contains(text, `"home"`)) {
						t.Errorf("got %q, which does not say what was answered", text)
					}
				})
			})
		}
	}
}

// always returns a fault that does not pass.
func always(f offboardtest.Fault) offboardtest.Fault {
	f.Times = 1000
	return f
}

// A deletion is answered with success: reads decide.
func TestDeleteMyOrganization_ReadsDecide(t *testing.T) {
	t.Parallel()
	const answer = `{"details":{"sequence":"5","resourceOwner":"100000000000000000"}}`
	ignored := offboardtest.Respond("DeleteMyOrganization", 200, answer)
	for name, test := range map[string]struct {
		prepare func(*zitadeltest.Server)
		want    errors.Code
	}{
		"it is deleted": {func(*zitadeltest.Server) {}, ""},
		"it is deleted, and read so later": {func(srv *zitadeltest.Server) {
			shown := offboardtest.Respond("GetMyOrganization", 200, `{"org":{"id":"acme","state":"ORG_STATE_ACTIVE"}}`)
			shown.Times = 3
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, shown) // the first is before the deletion
		}, ""},
		"it still exists": {func(srv *zitadeltest.Server) { srv.Fail(ignored) }, errors.OutcomeUnknown},
		"its number is missing, and it still exists": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Respond("DeleteMyOrganization", 200, `{"details":{"resourceOwner":"100000000000000000"}}`))
		}, errors.OutcomeUnknown},
		"the role in it ended with it": {ownAcmeOnly, ""},
		"the role in it ended with it, and the number is another one": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.EditBody("DeleteMyOrganization", func([]byte) []byte { return []byte(strings.Replace(answer, "5", "9", 1)) }))
		}, errors.OutcomeUnknown},
		"the role in it ended with it, and the credential, too": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.Fault{Operation: "GetMyUser"}, always(offboardtest.Respond("GetMyUser", 401, `{"code":16,"message":"no (AUTH-7fs1e)"}`)))
		}, errors.OutcomeUnknown},
		"the role in it ended with it, and the credential is another one": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(offboardtest.Fault{Operation: "GetMyUser"},
				always(offboardtest.Respond("GetMyUser", 200, `{"user":{"id":"1","details":{"resourceOwner":"other"}}}`)))
		}, errors.OutcomeUnknown},
		"a permission for it ended, and the role in it did not": {func(srv *zitadeltest.Server) {
			ownAcmeOnly(srv)
			srv.Fail(always(offboardtest.Respond("ListMyMembershipsPage", 200, `{"details":{"totalResult":"1"},"result":[{"orgId":"acme","roles":["ORG_OWNER"]}]}`)))
		}, errors.OutcomeUnknown},
		"it is the credential's own": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
		}, ""},
		"it is the credential's own, and still exists": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			srv.Fail(ignored)
		}, errors.OutcomeUnknown},
		"nothing can be read": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"},
				offboardtest.Fault{Operation: "GetMyOrganization", Status: 503, Body: "{}", Times: 1000})
		}, errors.OutcomeUnknown},
		"it is the credential's own, and cannot be read": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			srv.Fail(ignored, offboardtest.Fault{Operation: "GetMyOrganization"}, always(offboardtest.HTMLResponse("GetMyOrganization", 503)))
		}, errors.OutcomeUnknown},
		"it is the credential's own, and may not be read": {func(srv *zitadeltest.Server) {
			srv.AddOrganization(zitadeltest.Organization{ID: "acme", Home: true})
			denied := always(offboardtest.Respond("GetMyOrganization", 403, `{"code":7,"message":"no (AUTH-5mWD2)"}`))
			srv.Fail(ignored, offboardtest.Fault{Operation: "GetMyOrganization"}, denied)
		}, errors.OutcomeUnknown},
		"another organization is read": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, always(offboardtest.DropHeader("GetMyOrganization", "x-zitadel-orgid")))
		}, errors.OutcomeUnknown},
		"another organization is read once": {func(srv *zitadeltest.Server) {
			srv.Fail(offboardtest.Fault{Operation: "GetMyOrganization"}, offboardtest.DropHeader("GetMyOrganization", "x-zitadel-orgid"))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				test.prepare(srv)
				details, err := newClient(t, srv).DeleteMyOrganization(t.Context(), "acme")
				if code(err) != test.want || (details == nil) != (err != nil) {
					t.Errorf("got %v and %v, want code %q", details, err, test.want)
				}
				if errors.Is(err, errors.PermissionDenied) || errors.Is(err, errors.Unauthenticated) {
					t.Errorf("%v is also the code of its cause", err)
				}
			})
		})
	}
}

// A caller whose own organization cannot be told deletes nothing by the header.
func TestDeleteMyOrganization_OwnOrganizationNotReadable(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		`{"user":{"id":"1"}}`:                    errors.UnexpectedResponse,
		`{"code":7,"message":"no (AUTH-5mWD2)"}`: errors.UnexpectedResponse,
	} {
		srv := zitadeltest.NewServer()
		srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
		srv.Fail(offboardtest.Respond("GetMyUser", 200, body))
		if _, err := newClient(t, srv).DeleteMyOrganization(t.Context(), "acme"); code(err) != want || srv.Count("DeleteMyOrganization") != 0 {
			t.Errorf("%s: got %v after %d deletions, want code %q", body, err, srv.Count("DeleteMyOrganization"), want)
		}
	}
}

// A list without items that states some is no list.
func TestContext_TotalWithoutItems(t *testing.T) {
	t.Parallel()
	srv, c := newSettled(t)
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

// A refusal because of the state of the caller's own organization says nothing of another.
func TestContext_RefusalAboutAnotherState(t *testing.T) {
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
