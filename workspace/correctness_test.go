package workspace_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// A deletion that Applivery accepts and does not start is requested again.
func TestTeardown_AcceptedAndNeverStarted(t *testing.T) {
	t.Parallel()
	for _, ignored := range []int{1, 2, 3, 1000} {
		synctest.Test(t, func(t *testing.T) {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
			c := newClient(t, srv.Option())
			p := planned(t, c)
			fault := offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`)
			fault.Times = ignored
			srv.Fail(fault)
			r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
			n := srv.Count("DeleteOrganization")
			if ignored == 1000 {
				if r == nil || r.Outcome != teardown.Unknown || !errors.Is(err, errors.OutcomeUnknown) || n != 4 {
					t.Errorf("never started: got %+v and %v after %d requests, want %q after 4", r, err, n, teardown.Unknown)
				}
			} else if err != nil || r.Outcome != teardown.Deleted || n != ignored+1 || srv.Exists(acme) {
				t.Errorf("ignored %d times: got %+v and %v after %d requests", ignored, r, err, n)
			}
		})
	}
}

// A deletion that Applivery accepts and does not start, with reads that fail afterwards for a
// while or for good: no failure of a read shows that the organization does not exist.
func TestTeardown_NeverStartedAndNotRead(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]offboardtest.Fault{
		"503":               offboardtest.HTMLResponse("", http.StatusServiceUnavailable),
		"a firewall's 403":  offboardtest.HTMLResponse("", http.StatusForbidden),
		"a firewall's 404":  offboardtest.HTMLResponse("", http.StatusNotFound),
		"a web page":        offboardtest.HTMLResponse("", http.StatusOK),
		"a redirect":        offboardtest.Redirect("", http.StatusFound, "/login"),
		"denied":            offboardtest.Respond("", 403, `{"status":false,"error":{"code":4003}}`),
		"an invalid token":  offboardtest.Respond("", 401, `{"status":false,"error":{"code":4004}}`),
		"a lost connection": offboardtest.LoseRequest(""),
	} {
		for _, reads := range []int{1, 4, 1000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := workspacetest.NewServer()
					srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
					c := newClient(t, srv.Option())
					p := planned(t, c)
					ignored := offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`)
					fault := fault
					fault.Operation, fault.Times = "GetOrganization", reads
					srv.Fail(ignored, fault)
					r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
					if r == nil {
						t.Fatal(err)
					}
					want, sent := teardown.Deleted, 2 // sent again
					if reads == 1000 {
						want, sent = teardown.Unknown, 1
					}
					if r.Outcome != want || srv.Exists(acme) != (want == teardown.Unknown) || srv.Count("DeleteOrganization") != sent {
						t.Errorf("%d reads: got %q, %v after %d deletions; it exists: %t", reads, r.Outcome, err, srv.Count("DeleteOrganization"), srv.Exists(acme))
					}
				})
			})
		}
	}
}

// A service account is deleted with its workspace: that it goes on being refused shows that.
func TestTeardown_ServiceAccountRefused(t *testing.T) {
	t.Parallel()
	refused := offboardtest.Respond("GetOrganization", 401, `{"status":false,"error":{"code":4004}}`)
	for name, test := range map[string]struct {
		fault   offboardtest.Fault
		times   int
		want    teardown.Outcome
		deletes int
	}{
		"twice":               {refused, 2, teardown.Deleted, 2}, // sent again after the workspace is read
		"for good":            {refused, 1000, teardown.Deleted, 1},
		"by a firewall":       {offboardtest.HTMLResponse("GetOrganization", 403), 1000, teardown.Unknown, 1},
		"by a failing server": {offboardtest.HTMLResponse("GetOrganization", 503), 1000, teardown.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := workspacetest.NewServer()
				srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
				c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
				p := planned(t, c)
				test.fault.Times = test.times
				srv.Fail(test.fault)
				if name == "twice" {
					srv.Fail(offboardtest.Ignore("DeleteOrganization", 200, `{"status":true,"data":{"delete":"OK"}}`))
				}
				r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(teardown.OwnOrganization))
				if r == nil || r.Outcome != test.want || srv.Count("DeleteOrganization") != test.deletes {
					t.Errorf("got %+v, %v after %d deletions, want %q after %d", r, err, srv.Count("DeleteOrganization"), test.want, test.deletes)
				}
			})
		})
	}
}

// A slug that becomes another organization's while a write waits leads nowhere.
func TestWrite_SlugThatChangesHands(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(context.Context, *workspace.Client) error{
		"DeleteOrganization": func(ctx context.Context, c *workspace.Client) error { return c.DeleteOrganization(ctx, "acme") },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, "acme", "jane-doe")
			return err
		},
		"DeleteApp":           func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, "acme", app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error { return c.DisenrollAOSPDevice(ctx, "acme", aosp) },
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
			// Refused once; by the second attempt the slug is the other organization's.
			srv.Fail(offboardtest.Respond(name, 429, `{"status":false,"error":{"code":4029}}`))
			c := newClient(t, srv.Option())
			_ = write(t.Context(), c)
			for _, r := range srv.Requests() {
				if r.Operation == name && r.Path[:len("/v1/organizations/")+len(acme)] != "/v1/organizations/"+acme {
					t.Errorf("%s was sent to %s", name, r.Path)
				}
			}
			if srv.Count(name) == 0 {
				t.Errorf("%s was not sent", name)
			}
		})
	}
}

// No write is sent unless a read by the same ID or slug names that organization: an ID that
// no organization has may be the slug of another, and an answer that does not name its
// organization proves nothing.
func TestWrite_UnprovenOrganization(t *testing.T) {
	t.Parallel()
	writes := map[string]func(context.Context, *workspace.Client, string) error{
		"DeleteOrganization": func(ctx context.Context, c *workspace.Client, o string) error { return c.DeleteOrganization(ctx, o) },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client, o string) error {
			_, err := c.ChangeOwner(ctx, o, "jane-doe")
			return err
		},
		"DeleteApp": func(ctx context.Context, c *workspace.Client, o string) error { return c.DeleteApp(ctx, o, app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client, o string) error {
			return c.DisenrollAOSPDevice(ctx, o, aosp)
		},
	}
	for name, test := range map[string]struct {
		named, answer string
		want          errors.Code
	}{
		"a slug that looks like an id": {acme, "", errors.NotConfirmed}, // as the double answers
		"no id":                        {acme, `{"slug":"acme"}`, errors.UnexpectedResponse},
		"no slug, and another id":      {"acme", `{"id":"` + other + `"}`, errors.UnexpectedResponse},
		"an empty slug":                {"acme", `{"id":"` + acme + `","slug":""}`, errors.UnexpectedResponse},
		"no organization":              {"acme", `{}`, errors.UnexpectedResponse},
	} {
		for operation, write := range writes {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{
				ID: other, Slug: acme, Apps: []workspacetest.App{{ID: app}}, Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}},
			})
			if test.answer != "" {
				srv.Fail(answer("GetOrganization", `{"status":true,"data":`+test.answer+`}`))
			}
			err := write(t.Context(), newClient(t, srv.Option()), test.named)
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != test.want || srv.Count(operation) != 0 {
				t.Errorf("%s, %s: got %v after %d requests, want %q and none", operation, name, err, srv.Count(operation), test.want)
			}
		}
	}
}

// A slug that becomes another organization's during a wait leads nowhere.
func TestWaitForDevices_SlugThatChangesHands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := workspacetest.NewServer()
		srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme", Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := newClient(t, srv.Option()).WaitForDevices(ctx, "acme", workspace.ListDevicesPageOptions{}, func([]workspace.Device) {
			srv.Change(acme, func(o *workspacetest.Organization) { o.Slug = "acme-old" })
			if !srv.Exists(other) {
				srv.AddOrganization(workspacetest.Organization{ID: other, Slug: "acme"})
			}
		})
		if !errors.Is(err, errors.NotFinished) {
			t.Errorf("got %v, want %q", err, errors.NotFinished)
		}
	})
}

// What a list answers says nothing about the organization that was just read.
func TestNotFound_OfAListIsNotTheOrganizations(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
	for operation, read := range lists {
		if operation == "ListOrganizations" {
			continue
		}
		srv.Fail(offboardtest.Respond(operation+"Page", 404, `{"status":false,"error":{"code":3001}}`), offboardtest.Respond(operation, 404, `{"status":false,"error":{"code":3001}}`))
		_, err := read(t.Context(), newClient(t, srv.Option()))
		if errors.Is(err, errors.OrganizationNotFound) || !errors.Is(err, errors.NotFound) {
			t.Errorf("%s: got %v, want %q", operation, err, errors.NotFound)
		}
	}
}

// A firewall's page in place of any read makes no plan, and no check that finds nothing.
func TestPlan_ForeignRefusal(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{
		"GetWorkspace", "GetProfile", "ListAppsPage", "ListDevicesPage", "ListCollaboratorsPage", "ListStoresPage", "ListSegments",
	} {
		for _, fault := range []offboardtest.Fault{
			offboardtest.HTMLResponse(operation, 403), offboardtest.Respond(operation, 403, ""), offboardtest.HTMLResponse(operation, 404), offboardtest.Respond(operation, 401, ""),
		} {
			synctest.Test(t, func(t *testing.T) {
				srv := full()
				fault.Times = 100
				srv.Fail(fault)
				c := newClient(t, srv.Option())
				if p, err := c.Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
					t.Errorf("%s, %d: got %+v and %v, want %q", operation, fault.Status, p, err, errors.UnexpectedResponse)
				}
				if operation == "GetWorkspace" {
					if err := c.CheckDeletion(t.Context(), acme); !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("CheckDeletion, %d: got %v, want %q", fault.Status, err, errors.UnexpectedResponse)
					}
				}
			})
		}
	}
}

// More of what is deleted along with an organization than the plan names stops the
// deletion.
func TestTeardown_MoreThanInThePlan(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	p := planned(t, c)
	srv.Change(acme, func(o *workspacetest.Organization) { o.Apps = append(o.Apps, workspacetest.App{ID: link, Name: "New"}) })
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	if !errors.Is(err, errors.PlanStale) || srv.Count("DeleteOrganization") != 0 {
		t.Errorf("got %v after %d deletions, want %q and none", err, srv.Count("DeleteOrganization"), errors.PlanStale)
	}
	srv.Change(acme, func(o *workspacetest.Organization) { o.Apps = o.Apps[:1] })
	if _, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme")); err != nil {
		t.Errorf("with fewer: got %v", err)
	}
}

// Whatever is deleted along with an organization and is not what the plan names stops the
// deletion: as many others, a list that the credential may not read any more, or one that is
// none. It does so before anything is done, and right before the deletion.
func TestTeardown_OthersThanInThePlan(t *testing.T) {
	t.Parallel()
	const late = "65f0000000000000000000dd"
	reads := map[string]string{
		"apps": "ListAppsPage", "devices": "ListDevicesPage", "collaborators": "ListCollaboratorsPage", "stores": "ListStoresPage", "segments": "ListSegments",
	}
	replace := map[string]func(*workspacetest.Organization){
		"apps":          func(o *workspacetest.Organization) { o.Apps = []workspacetest.App{{ID: late, Name: o.Apps[0].Name}} },
		"devices":       func(o *workspacetest.Organization) { o.Devices[0].ID = late },
		"collaborators": func(o *workspacetest.Organization) { o.Collaborators[0].ID = late },
		"stores":        func(o *workspacetest.Organization) { o.Stores[0].ID = late },
		"segments":      func(o *workspacetest.Organization) { o.Segments[0].ID = 77 },
	}
	for kind, operation := range reads {
		for _, before := range []int{0, 1} { // reads that the change comes after
			for name, test := range map[string]struct {
				fault offboardtest.Fault // none: others are there
				want  errors.Code
			}{
				"others":       {want: errors.PlanStale},
				"denied":       {offboardtest.Respond(operation, 403, `{"status":false,"error":{"code":4003}}`), errors.PlanStale},
				"unauthorized": {offboardtest.Respond(operation, 401, `{"status":false,"error":{"code":4001}}`), errors.PlanStale},
				"not found":    {offboardtest.Respond(operation, 404, `{"status":false,"error":{"code":3001}}`), errors.PlanStale},
				"no list":      {offboardtest.Respond(operation, 200, `{"status":true,"data":{"items":{},"organizationId":"`+acme+`","children":{}}}`), errors.UnexpectedResponse},
				"no items":     {offboardtest.Respond(operation, 200, `{"status":true,"data":{}}`), errors.UnexpectedResponse},
				"no ids":       {offboardtest.Respond(operation, 200, `{"status":true,"data":{"items":[{}],"organizationId":"`+acme+`","children":[{"name":"x"}]}}`), errors.UnexpectedResponse},
			} {
				synctest.Test(t, func(t *testing.T) {
					srv := full()
					c := newClient(t, srv.Option())
					p := planned(t, c)
					if test.fault.Operation == "" {
						// The double is asked once for each of the kinds, in an order.
						count := srv.Count(operation)
						c = newClient(t, srv.Option(), workspace.WithHTTPClient(&http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
							if srv.Count(operation) == count+before {
								srv.Change(acme, replace[kind])
								count = -10
							}
							return srv.RoundTrip(req)
						})}))
					} else {
						test.fault.Times = 1000
						if before > 0 {
							srv.Fail(offboardtest.Fault{Operation: operation, Delay: 1})
						}
						srv.Fail(test.fault)
					}
					waited := teardown.WithEvents(func(teardown.Event) {
						if before > 0 {
							time.Sleep(10 * time.Second) // so that it is inspected again
						}
					})
					_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), waited)
					if !errors.Is(err, test.want) || srv.Count("DeleteOrganization") != 0 {
						t.Errorf("%s, %s after %d reads: got %v after %d deletions, want %q and none", kind, name, before, err, srv.Count("DeleteOrganization"), test.want)
					}
				})
			}
		}
	}
}

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// An ID that is another organization's slug by now leads nowhere: the deletion goes to the ID
// of the plan only if a read right before has confirmed it.
func TestTeardown_IDIsTheSlugOfAnother(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	p := planned(t, c)
	srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+other+`","name":"Acme","slug":"`+acme+`"}}}`))
	_, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"))
	wants(t, err, errors.NotConfirmed)
	if srv.Count("DeleteOrganization") != 0 {
		t.Error("a deletion was sent")
	}
}
