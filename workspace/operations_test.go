package workspace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// Ids of what full has.
const (
	olive  = "65e000000000000000000001" // the user of workspacetest.Token
	jane   = "65f000000000000000000001"
	app    = "65f000000000000000000002"
	aosp   = "65f000000000000000000003"
	phone  = "65f000000000000000000004"
	tablet = "65f000000000000000000005"
	laptop = "65f000000000000000000006"
	store  = "65f000000000000000000007"
	role   = "65f000000000000000000008"
	link   = "65f000000000000000000009"
)

// full returns a double with the organization acme, which has one of everything.
func full() *workspacetest.Server {
	janeDoe := workspacetest.User{ID: jane, FirstName: "Jane", LastName: "Doe"}
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: acme, Slug: "acme", Name: "Acme",
		Collaborators: []workspacetest.Collaborator{{ID: role, User: janeDoe, Role: "editor", Tags: []string{"qa"}}},
		Apps: []workspacetest.App{{
			ID: app, Name: "Acme Bank", OSs: []string{"ios"},
			Collaborators: []workspacetest.Collaborator{{ID: role, User: janeDoe}},
			Employees:     []workspacetest.Employee{{ID: link, User: janeDoe, Tags: []string{"qa"}}},
		}},
		Stores:   []workspacetest.Store{{ID: store, Security: "logged", CustomDomain: "apps.acme.example"}},
		Segments: []workspacetest.Segment{{ID: 1, Name: "Europe", Children: []workspacetest.Segment{{ID: 2, Name: "Spain"}}}},
		Devices: []workspacetest.Device{
			{ID: phone, Type: "android", User: janeDoe},
			{ID: tablet, Type: "apple", Name: "Jane's iPad", User: janeDoe, Tags: []string{"qa"}, Segment: 2},
			{ID: laptop, Type: "windows", SubType: "enrollment", User: janeDoe},
			{ID: aosp, Type: "aosp", User: janeDoe},
		},
	})
	return srv
}

// gather returns what a list yields.
func gather[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// ids returns the ids of what a list yields.
func ids[T any](list iter.Seq2[T, error], id func(T) string) ([]string, error) {
	var all []string
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, id(item))
	}
	return all, nil
}

// lists are all lists that the API pages, of the organization that has the id acme.
var lists = map[string]func(context.Context, *workspace.Client) ([]string, error){
	"ListOrganizations": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListOrganizations(ctx, workspace.ListOrganizationsPageOptions{}), func(o workspace.Organization) string { return o.ID })
	},
	"ListCollaborators": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListCollaborators(ctx, acme, workspace.ListCollaboratorsPageOptions{}), func(o workspace.Collaborator) string { return o.ID })
	},
	"ListAppCollaborators": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppCollaborators(ctx, acme, workspace.ListAppCollaboratorsPageOptions{}), func(o workspace.AppCollaborator) string { return o.ID })
	},
	"ListApps": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListApps(ctx, acme, workspace.ListAppsPageOptions{}), func(o workspace.App) string { return o.ID })
	},
	"ListAppEmployees": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppEmployees(ctx, acme, app, workspace.ListAppEmployeesPageOptions{}), func(o workspace.AppEmployee) string { return o.ID })
	},
	"ListStores": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListStores(ctx, acme, workspace.ListStoresPageOptions{}), func(o workspace.Store) string { return o.ID })
	},
	"ListDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListDevices(ctx, acme, workspace.ListDevicesPageOptions{}), func(o workspace.Device) string { return o.ID })
	},
	"ListAppleDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAppleDevices(ctx, acme, workspace.ListAppleDevicesPageOptions{}), func(o workspace.AppleDevice) string { return o.ID })
	},
	"ListAndroidDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListAndroidDevices(ctx, acme, workspace.ListAndroidDevicesPageOptions{}), func(o workspace.AndroidDevice) string { return o.ID })
	},
	"ListWindowsDevices": func(ctx context.Context, c *workspace.Client) ([]string, error) {
		return ids(c.ListWindowsDevices(ctx, acme, workspace.ListWindowsDevicesPageOptions{}), func(o workspace.WindowsDevice) string { return o.ID })
	},
}

func TestEachOperationAsksAsDocumentedAndReadsTheAnswer(t *testing.T) {
	t.Parallel()
	begun := workspace.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} // by the clock of synctest
	janeDoe := workspace.CollaboratorUser{ID: jane, Email: "jane.doe@example.com", FirstName: "Jane", LastName: "Doe", Role: workspace.UserRoleUser}
	user := workspace.MDMUser{ID: jane, Email: "jane.doe@example.com"}
	bank := workspace.App{ID: app, Name: "Acme Bank", Slug: "acme-bank", OSs: []string{"ios"}, BuildPlatforms: []string{"ios"}, Organization: acme}
	const organization = "/v1/organizations/acme"
	for name, test := range map[string]struct {
		call    func(context.Context, *workspace.Client) (any, error)
		request string // the last one
		want    any
	}{
		"GetProfile": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.GetProfile(ctx) },
			"GET /v1/users/profile",
			&workspace.Profile{
				ID: olive, Email: "olive.owner@example.com", FirstName: "Olive", LastName: "Owner", FullName: "Olive Owner",
				Role: workspace.UserRoleUser, PlatformRoles: []workspace.PlatformRole{}, HasPassword: true, Has2FAActive: true,
				OrganizationID: acme, Organizations: []workspace.OrganizationReference{{ID: acme, Name: "Acme", Slug: "acme"}},
				Language: "en", VerificationStatus: "verified",
			},
		},
		"CheckSlug": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.CheckSlug(ctx, "acme-labs") },
			"GET /v1/organizations/check-slug/acme-labs",
			&workspace.SlugCheck{Valid: true},
		},
		"CheckSlug of another's": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.CheckSlug(ctx, "acme") },
			"GET /v1/organizations/check-slug/acme",
			&workspace.SlugCheck{Reason: "It is another's."},
		},
		"ChangeOwner": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return c.ChangeOwner(ctx, "acme", "jane-doe")
			},
			"POST /v1/organizations/" + acme + `/change-owner {"newOwner":"jane-doe"}`,
			true,
		},
		"ListCollaborators": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListCollaborators(ctx, "acme", workspace.ListCollaboratorsPageOptions{
					Limit: 7, Sort: "createdAt:desc", Role: workspace.CollaboratorRoleEditor, Email: "jane.doe@example.com", Tags: []string{"qa"}, OnlyUsers: true,
				}))
			},
			"GET " + organization + "/collaborators?page=1&limit=7&sort=createdAt%3Adesc&role=editor&email=jane.doe%40example.com&tags=qa&onlyUsers=true",
			[]workspace.Collaborator{{
				ID: role, Organization: acme, Role: workspace.CollaboratorRoleEditor, Tags: []string{"qa"}, User: janeDoe,
				CreatedBy: olive, CreatedAt: begun, UpdatedAt: begun,
			}},
		},
		"ListAppCollaborators": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListAppCollaborators(ctx, "acme", workspace.ListAppCollaboratorsPageOptions{Limit: 7}))
			},
			"GET " + organization + "/collaborators/apps?page=1&limit=7",
			[]workspace.AppCollaborator{{
				ID: role, Organization: acme, Application: workspace.AppReference{ID: app, Name: "Acme Bank", Slug: "acme-bank"},
				Role: workspace.CollaboratorRoleViewer, Tags: []string{}, User: janeDoe,
				CreatedBy: olive, CreatedAt: begun, UpdatedAt: begun,
			}},
		},
		"ListApps": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListApps(ctx, "acme", workspace.ListAppsPageOptions{Limit: 7, Name: "Acme Bank", OS: "ios"}))
			},
			"GET " + organization + "/apps?page=1&limit=7&name=Acme+Bank&oss=ios",
			[]workspace.App{bank},
		},
		"GetApp": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.GetApp(ctx, "acme", "acme-bank") },
			"GET " + organization + "/apps/acme-bank",
			&bank,
		},
		"DeleteApp": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return nil, c.DeleteApp(ctx, "acme", app) },
			"DELETE /v1/organizations/" + acme + "/apps/" + app,
			nil,
		},
		"ListAppEmployees": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListAppEmployees(ctx, "acme", app, workspace.ListAppEmployeesPageOptions{Limit: 7, Email: "jane.doe@example.com", Tags: []string{"qa"}}))
			},
			"GET " + organization + "/apps/" + app + "/employees?page=1&limit=7&email=jane.doe%40example.com&tags=qa",
			[]workspace.AppEmployee{{
				ID: link, Organization: acme, Application: app, From: workspace.EmployeeOriginStore,
				Employee: workspace.Employee{
					ID: jane, Email: "jane.doe@example.com", FirstName: "Jane", LastName: "Doe", Tags: []string{"qa"},
					Type: workspace.EmployeeTypeTraditional,
				},
				CreatedBy: olive, CreatedAt: begun, UpdatedAt: begun,
			}},
		},
		"ListStores": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListStores(ctx, "acme", workspace.ListStoresPageOptions{Limit: 7}))
			},
			"GET " + organization + "/stores?page=1&limit=7",
			[]workspace.Store{func() workspace.Store {
				s := workspace.Store{
					ID: store, Organization: acme, Security: workspace.StoreSecurityLogged, CustomDomain: "apps.acme.example",
					CreatedBy: olive, CreatedAt: begun, UpdatedAt: begun,
				}
				s.Configuration.AllowPublicPubApps = true
				return s
			}()},
		},
		"ListSegments": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.ListSegments(ctx, "acme") },
			"GET " + organization + "/segments",
			[]workspace.Segment{{ID: 1, Name: "Europe", Children: []workspace.Segment{{ID: 2, Name: "Spain", Children: []workspace.Segment{}}}}},
		},
		"ListDevices": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListDevices(ctx, "acme", workspace.ListDevicesPageOptions{
					Limit: 10_000, MDMUserID: jane, Type: workspace.DeviceTypeApple, SubType: workspace.DeviceSubTypeDevice, ShowAll: true,
					State: "ACTIVE", Name: "Jane's iPad", Tags: []string{"qa"}, Search: "iPad",
				}))
			},
			"GET " + organization + "/mdm/devices?page=1&limit=10000&mdmUserId=" + jane + "&type=apple&subType=device&showAll=true&state=ACTIVE&name=Jane%27s+iPad&tags=qa&search=iPad",
			[]workspace.Device{{ID: tablet, Type: workspace.DeviceTypeApple, SubType: workspace.DeviceSubTypeDevice, State: "ACTIVE", Organization: acme}},
		},
		"ListAppleDevices": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListAppleDevices(ctx, "acme", workspace.ListAppleDevicesPageOptions{
					Limit: 7, MDMUser: jane, ShowDeleted: true, Tags: []string{"qa"}, SegmentID: 1, ExpandTo: workspace.SegmentExpansionChildren,
				}))
			},
			"GET " + organization + "/mdm/apple/enterprise/devices?page=1&limit=7&mdm-user=" + jane + "&show-deleted=true&tags=qa&segmentId=1&expandTo=children",
			[]workspace.AppleDevice{{
				ID: tablet, Organization: acme, ADMEnterprise: acme, MDMUser: user, DisplayName: "Jane's iPad", Tags: []string{"qa"},
				State: "ACTIVE", Type: "apple", SubType: "device", LastStatusReportTime: begun,
			}},
		},
		"ListAndroidDevices": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListAndroidDevices(ctx, "acme", workspace.ListAndroidDevicesPageOptions{Limit: 7, MDMUser: jane}))
			},
			"GET " + organization + "/mdm/android/enterprise/devices?page=1&limit=7&mdm-user=" + jane,
			[]workspace.AndroidDevice{{ID: phone, Organization: acme, EMMEnterprise: acme, MDMUser: user}},
		},
		"ListWindowsDevices": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return gather(c.ListWindowsDevices(ctx, "acme", workspace.ListWindowsDevicesPageOptions{Limit: 7, MDMUser: jane}))
			},
			"GET " + organization + "/mdm/windows/enterprise/devices?page=1&limit=7&mdm-user=" + jane,
			[]workspace.WindowsDevice{{
				ID: laptop, OrganizationID: acme, WinEnterpriseID: acme, WinID: laptop, MDMUser: user, DisplayName: "windows", Tags: []string{},
				State: "PENDING", Type: "windows", SubType: "enrollment", EnrolledDate: begun, LastStatusReportTime: begun,
			}},
		},
		"DisenrollAOSPDevice": {
			func(ctx context.Context, c *workspace.Client) (any, error) {
				return nil, c.DisenrollAOSPDevice(ctx, "acme", aosp)
			},
			"DELETE /v1/organizations/" + acme + "/mdm/aosp/enterprise/devices/" + aosp,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := full()
				got, err := test.call(t.Context(), newClient(t, srv.Option()))
				wants(t, err, "")
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				requests := srv.Requests()
				last := requests[len(requests)-1]
				request := strings.TrimSpace(last.Method + " " + strings.TrimSuffix(last.Path+"?"+last.Query, "?") + " " + string(last.Body))
				if diff := cmp.Diff(test.request, request); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
				if last.Operation == "" {
					t.Error("the double does not know the operation")
				}
			})
		})
	}
}

func TestEveryListGoesOnWhenAPageHasFewerThanWereAskedFor(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			for number := 1; number <= 3; number++ {
				srv.Fail(answer(name+"Page", fmt.Sprintf(
					`{"status":true,"data":{"items":[{"id":"%d"}],"limit":1,"page":%[1]d,"totalPages":3,"totalDocs":3,"hasNextPage":true,"nextPage":null}}`, number)))
			}
			// The third page is full.
			srv.Fail(answer(name+"Page", `{"status":true,"data":{"items":[],"limit":1,"page":4,"totalPages":3,"totalDocs":3,"hasNextPage":false,"nextPage":null}}`))
			got, err := list(t.Context(), newClient(t, srv.Option()))
			wants(t, err, "")
			if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(srv.Requests()); n != 4 {
				t.Errorf("%d requests were sent, want 4", n)
			}
		})
	}
}

func TestNoListYieldsTheSamePageForever(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			fault := answer(name+"Page", `{"status":true,"data":{"items":[{"id":"a"}],"page":1,"hasNextPage":true}}`)
			fault.Times = 100
			srv.Fail(fault)
			got, err := list(t.Context(), newClient(t, srv.Option()))
			e := wants(t, err, errors.UnexpectedResponse)
			if len(got) != 1 || e.Operation != name+"Page" {
				t.Errorf("got %v and %v", got, err)
			}
		})
	}
}

func TestAPageWithoutItemsIsNoPage(t *testing.T) {
	t.Parallel()
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			srv.Fail(answer(name+"Page", `{"status":true,"data":{"totalDocs":0,"hasNextPage":false}}`))
			_, err := list(t.Context(), newClient(t, srv.Option()))
			wants(t, err, errors.UnexpectedResponse)
		})
	}
}

func TestAListBeginsWithThePageThatIsAskedFor(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Apps: make([]workspacetest.App, 250)})
	options := workspace.ListAppsPageOptions{Page: 2}
	list := newClient(t, srv.Option()).ListApps(t.Context(), acme, options)
	for range 2 { // a list can be gone through more than once
		apps, err := gather(list)
		wants(t, err, "")
		if len(apps) != 150 {
			t.Errorf("got %d apps, want 150", len(apps))
		}
	}
	if n := len(srv.Requests()); n != 4 || srv.Requests()[2].Query != "page=2" {
		t.Errorf("got %d requests, the third of which asks %q", n, srv.Requests()[2].Query)
	}
}

// One code stands for all that is not found, and an app that is gone must not be
// taken for an organization that is.
func TestWhatIsNotFoundIsAnOrganizationOnlyWhenNothingElseWasNamed(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *workspace.Client) error{
		"GetApp": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetApp(ctx, acme, link)
			return err
		},
		"DeleteApp": func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, acme, link) },
		"ListAppEmployeesPage": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ListAppEmployeesPage(ctx, acme, link, workspace.ListAppEmployeesPageOptions{})
			return err
		},
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error {
			return c.DisenrollAOSPDevice(ctx, acme, link)
		},
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, acme, link)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			c := newClient(t, srv.Option())
			e := wants(t, call(t.Context(), c), errors.NotFound)
			if want := map[bool]string{true: acme, false: link}[name == "ChangeOwner"]; e.Target != want || e.ProviderCode != "3001" {
				t.Errorf("got target %q and code %q", e.Target, e.ProviderCode)
			}
			srv.Fail(offboardtest.Respond(name, http.StatusNotFound, `{"status":false,"error":{"code":3001,"data":{"entity":"Organization"}}}`))
			wants(t, call(t.Context(), c), errors.OrganizationNotFound)
		})
	}
	t.Run("a slug that is checked is no organization", func(t *testing.T) {
		t.Parallel()
		srv := full()
		srv.Fail(offboardtest.Respond("CheckSlug", http.StatusNotFound, `{"status":false,"error":{"code":3001}}`))
		_, err := newClient(t, srv.Option()).CheckSlug(t.Context(), "acme-labs")
		wants(t, err, errors.NotFound)
	})
	t.Run("segments are of an organization", func(t *testing.T) {
		t.Parallel()
		_, err := newClient(t, full().Option()).ListSegments(t.Context(), "nobody")
		wants(t, err, errors.NotFound) // a list proves nothing about its organization
	})
}

func TestWritesThatAreNotTheDeletionItselfAreSentOnce(t *testing.T) {
	t.Parallel()
	for operation, call := range map[string]func(context.Context, *workspace.Client) error{
		"DeleteApp":           func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, acme, app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error { return c.DisenrollAOSPDevice(ctx, acme, aosp) },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, acme, jane)
			return err
		},
	} {
		for name, fault := range map[string]offboardtest.Fault{
			"lost answer":  offboardtest.LoseResponse(operation),
			"lost request": offboardtest.LoseRequest(operation),
		} {
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := full()
					srv.Fail(fault)
					wants(t, call(t.Context(), newClient(t, srv.Option())), errors.OutcomeUnknown)
					if n := srv.Count(operation); n != 1 {
						t.Errorf("it was sent %d times", n)
					}
				})
			})
		}
		for name, body := range map[string]string{
			"no data":            `{"status":true}`,
			"an app":             `{"status":true,"data":{"id":"` + app + `"}}`,
			"another text":       `{"status":true,"data":{"delete":"QUEUED","status":false}}`,
			"a status of false":  `{"status":false,"data":{"delete":"OK","status":true,"changed":true}}`,
			"an error beside it": `{"status":true,"data":{"delete":"OK","status":true,"changed":true},"error":{}}`,
		} {
			if operation == "ChangeOwner" && !strings.Contains(name, "a status") && !strings.Contains(name, "error") {
				continue // that nothing was changed is an answer of its own
			}
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				srv := full()
				srv.Fail(answer(operation, body))
				wants(t, call(t.Context(), newClient(t, srv.Option())), errors.UnexpectedResponse)
			})
		}
	}
}

func TestAnAppIsDeletedByItsIDOnly(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	for _, id := range []string{"", "acme-bank", "..", strings.ToUpper("65f00000000000000000000a")} {
		wants(t, c.DeleteApp(t.Context(), acme, id), errors.InvalidArgument)
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, id), errors.InvalidArgument)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	wants(t, c.DeleteApp(t.Context(), acme, app), "")
	wants(t, c.DeleteApp(t.Context(), acme, app), errors.NotFound)
	_, err := c.GetApp(t.Context(), acme, app)
	wants(t, err, errors.NotFound)
}

func TestArgumentsAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	for _, text := range []string{"", "..", "a/b", `jo\doe`, "jo doe"} {
		_, err := c.ChangeOwner(t.Context(), acme, text)
		wants(t, err, errors.InvalidArgument)
		_, err = c.CheckSlug(t.Context(), text)
		wants(t, err, errors.InvalidArgument)
		_, err = c.GetApp(t.Context(), acme, text)
		wants(t, err, errors.InvalidArgument)
		_, err = c.ListSegments(t.Context(), text)
		wants(t, err, errors.InvalidArgument)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAnOrganizationIsHandedOver(t *testing.T) {
	t.Parallel()
	srv := full()
	token := srv.AddUser(workspacetest.User{FirstName: "John", LastName: "Smith"})
	owner, john := newClient(t, srv.Option()), newClient(t, srv.OptionWithToken(token))

	profile, err := john.GetProfile(t.Context())
	wants(t, err, "")
	if len(profile.Organizations) != 0 {
		t.Errorf("before: the new owner sees %v", profile.Organizations)
	}
	wants(t, john.DeleteOrganization(t.Context(), "acme"), errors.OrganizationNotFound)

	changed, err := owner.ChangeOwner(t.Context(), "acme", "john-smith")
	wants(t, err, "")
	again, err := owner.ChangeOwner(t.Context(), "acme", profile.ID)
	wants(t, err, "")
	if !changed || again {
		t.Errorf("changed it: %t, and again: %t", changed, again)
	}
	profile, err = john.GetProfile(t.Context())
	wants(t, err, "")
	if diff := cmp.Diff([]workspace.OrganizationReference{{ID: acme, Name: "Acme", Slug: "acme"}}, profile.Organizations); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	owners, err := gather(owner.ListCollaborators(t.Context(), "acme", workspace.ListCollaboratorsPageOptions{Role: workspace.CollaboratorRoleOwner}))
	wants(t, err, "")
	if len(owners) != 1 || owners[0].User.Email != "john.smith@example.com" {
		t.Errorf("the owners are %v", owners)
	}
	wants(t, john.DeleteOrganization(t.Context(), "acme"), "")
}

func TestWhoMayNotIsNotPermitted(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	viewer := workspacetest.User{ID: jane}
	token := srv.AddUser(viewer)
	srv.AddOrganization(workspacetest.Organization{
		ID: acme, Slug: "acme", Collaborators: []workspacetest.Collaborator{{User: viewer}},
		Apps: []workspacetest.App{{ID: app}}, Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}},
	})
	c := newClient(t, srv.OptionWithToken(token))
	_, changed := c.ChangeOwner(t.Context(), acme, jane)
	for _, err := range []error{
		changed, c.DeleteOrganization(t.Context(), acme), c.DeleteApp(t.Context(), acme, app), c.DisenrollAOSPDevice(t.Context(), acme, aosp),
	} {
		if e := wants(t, err, errors.PermissionDenied); e.Status != http.StatusUnauthorized || e.ProviderCode != "4001" {
			t.Errorf("got %v", err)
		}
	}
	if !srv.Exists(acme) {
		t.Error("the organization is gone")
	}
}

func TestAServiceAccountIsACollaborator(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.OptionWithToken(srv.AddServiceAccount(acme)))
	profile, err := c.GetProfile(t.Context())
	wants(t, err, "")
	if profile.Role != workspace.UserRoleServiceAccount || !strings.HasSuffix(profile.Email, "@"+acme+".iam.applivery.io") {
		t.Errorf("got %+v", profile)
	}
	for onlyUsers, want := range map[bool]int{false: 3, true: 2} {
		all, err := gather(c.ListCollaborators(t.Context(), acme, workspace.ListCollaboratorsPageOptions{OnlyUsers: onlyUsers}))
		wants(t, err, "")
		if len(all) != want {
			t.Errorf("got %d collaborators, want %d", len(all), want)
		}
	}
}

func TestEnrollmentsThatWaitAreNoDevices(t *testing.T) {
	t.Parallel()
	c := newClient(t, full().Option())
	for subType, want := range map[workspace.DeviceSubType]int{"": 4, workspace.DeviceSubTypeDevice: 3, workspace.DeviceSubTypeEnrollment: 1} {
		all, err := gather(c.ListDevices(t.Context(), acme, workspace.ListDevicesPageOptions{SubType: subType}))
		wants(t, err, "")
		if len(all) != want {
			t.Errorf("%q: got %d, want %d", subType, len(all), want)
		}
	}
}

func TestWhatIsNotKnownIsKept(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Fail(answer("ListDevicesPage", `{"status":true,"data":{"items":[{"id":"x","type":"visionos","subType":"twin"}]}}`))
	all, err := gather(newClient(t, srv.Option()).ListDevices(t.Context(), acme, workspace.ListDevicesPageOptions{}))
	wants(t, err, "")
	if diff := cmp.Diff([]workspace.Device{{ID: "x", Type: "visionos", SubType: "twin"}}, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What enrolls a device, or signs a user in to another service, is a secret.
func TestSecretsBesideDevicesAndUsersAreNotKept(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.Fail(
		answer("ListAppleDevicesPage", `{"status":true,"data":{"items":[{"id":"x","enrollmentLink":"canary","enrollCode":"canary"}]}}`),
		answer("GetProfile", `{"status":true,"data":{"id":"x","intercomUserHash":"canary","supplantCapability":"canary"}}`),
		answer("GetApp", `{"status":true,"data":{"id":"x","configuration":{"emmJwtSignature":"canary"}}}`),
	)
	c := newClient(t, srv.Option())
	devices, err := gather(c.ListAppleDevices(t.Context(), acme, workspace.ListAppleDevicesPageOptions{}))
	wants(t, err, "")
	profile, err := c.GetProfile(t.Context())
	wants(t, err, "")
	found, err := c.GetApp(t.Context(), acme, app)
	wants(t, err, "")
	encoded, err := json.Marshal([]any{devices, profile, found})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), "canary") {
		t.Errorf("got %s", encoded)
	}
}

func TestADeviceLeavesWhenItHearsOfIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := full()
		c := newClient(t, srv.Option())
		start := time.Now()
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), "")
		time.Sleep(10 * time.Second)
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), "") // changes nothing
		var seen []string
		srv.Fail(offboardtest.HTMLResponse("ListDevicesPage", 503))
		err := c.WaitForDevices(t.Context(), acme, workspace.ListDevicesPageOptions{Page: 9, Type: workspace.DeviceTypeAOSP}, func(left []workspace.Device) {
			for _, d := range left {
				seen = append(seen, d.State)
			}
		})
		wants(t, err, "")
		if took := time.Since(start); took < 30*time.Second || took > 45*time.Second {
			t.Errorf("took %v, want 30 s and a little", took)
		}
		if len(seen) < 2 || seen[0] != "PENDING_DISENROLL" {
			t.Errorf("progress was %q", seen)
		}
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), errors.NotFound)
	})
}

func TestADeviceThatDoesNotLeaveIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := newClient(t, full().Option()).WaitForDevices(ctx, "acme", workspace.ListDevicesPageOptions{}, nil)
		e := wants(t, err, errors.NotFinished)
		want := []errors.Step{
			{Name: "device", Description: "android " + phone + ", ACTIVE"},
			{Name: "device", Description: "apple " + tablet + ", ACTIVE"},
			{Name: "device", Description: "windows enrollment " + laptop + ", PENDING"},
			{Name: "device", Description: "aosp " + aosp + ", ACTIVE"},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if !errors.Is(err, context.DeadlineExceeded) || e.Target != "acme" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFailureThatStaysEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := newClient(t, full().Option()).WaitForDevices(t.Context(), "nobody", workspace.ListDevicesPageOptions{}, nil)
		wants(t, err, errors.OrganizationNotFound)
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}

func TestADeviceThatCannotBeReachedIsNotToldToLeave(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Devices: []workspacetest.Device{
		{ID: aosp, Type: "aosp", Unreachable: true}, {ID: phone, Type: "aosp", Deleted: true},
	}})
	c := newClient(t, srv.Option())
	if e := wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), errors.Conflict); e.ProviderCode != "5173" || e.Target != aosp {
		t.Errorf("got %v", e)
	}
	wants(t, c.DisenrollAOSPDevice(t.Context(), acme, phone), errors.NotFound)
}

func TestSegmentsSelectWithTheirRelatives(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: acme,
		Segments: []workspacetest.Segment{
			{ID: 1, Name: "Europe", Children: []workspacetest.Segment{{ID: 2, Name: "Spain"}, {ID: 3, Name: "France"}}},
			{ID: 4, Name: "Asia"},
		},
		Devices: []workspacetest.Device{
			{Type: "windows", Name: "1", Segment: 1}, {Type: "windows", Name: "2", Segment: 2}, {Type: "windows", Name: "3", Segment: 3},
			{Type: "windows", Name: "4", Segment: 4}, {Type: "windows", Name: "gone", Segment: 2, Deleted: true},
		},
	})
	c := newClient(t, srv.Option())
	for want, options := range map[string]workspace.ListWindowsDevicesPageOptions{
		"1 2 3 4": {},
		"2":       {SegmentID: 2},
		"2 gone":  {SegmentID: 2, ShowDeleted: true},
		"1 2":     {SegmentID: 2, ExpandTo: workspace.SegmentExpansionAncestors},
		"1 2 3":   {SegmentID: 1, ExpandTo: workspace.SegmentExpansionChildren},
		"":        {SegmentID: 5, ExpandTo: workspace.SegmentExpansionChildren},
	} {
		names, err := ids(c.ListWindowsDevices(t.Context(), acme, options), func(d workspace.WindowsDevice) string { return d.DisplayName })
		wants(t, err, "")
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%+v: got %q, want %q", options, got, want)
		}
	}
}

func TestADeletionTakesEverythingAlong(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	wants(t, c.DeleteOrganization(t.Context(), "acme"), "")
	for name, list := range lists {
		switch _, err := list(t.Context(), c); name {
		case "ListOrganizations":
			wants(t, err, "")
		default:
			wants(t, err, errors.NotFound)
		}
	}
	profile, err := c.GetProfile(t.Context())
	wants(t, err, "")
	if len(profile.Organizations) != 0 {
		t.Errorf("the user is in %v", profile.Organizations)
	}
}

func TestTheDoubleIsChangedAndShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	srv := full()
	srv.AddOrganization(workspacetest.Organization{ID: other, Owner: workspacetest.User{ID: jane, FirstName: "Jane"}})
	before := srv.Organizations()
	if diff := cmp.Diff(before, srv.Organizations()); diff != "" {
		t.Errorf("nothing was done and something changed:\n%s", diff)
	}
	srv.Change(acme, func(o *workspacetest.Organization) {
		o.Subscriptions = append(o.Subscriptions, workspacetest.Subscription{Plan: "Enterprise"})
		o.Apps = append(o.Apps, workspacetest.App{Name: "Another"})
	})
	srv.Change("nobody", func(*workspacetest.Organization) { t.Error("there is no such organization") })
	c := newClient(t, srv.Option())
	wants(t, c.DeleteApp(t.Context(), acme, app), "")
	wants(t, c.DeleteOrganization(t.Context(), acme), errors.ActiveSubscriptions)
	after := srv.Organizations()
	for name, test := range map[string]struct{ got, want int }{
		"apps before":         {len(before[0].Apps), 1},
		"apps after":          {len(after[0].Apps), 1},
		"collaborators after": {len(after[0].Collaborators), 2},
		"subscriptions after": {len(after[0].Subscriptions), 1},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %d, want %d", name, test.got, test.want)
		}
	}
	if before[0].Apps[0].ID != app || after[0].Apps[0].Name != "Another" || after[0].Apps[0].ID == "" {
		t.Errorf("got %+v and %+v", before[0].Apps, after[0].Apps)
	}
	if owner := after[1].Owner; owner.Email != "jane.doe@example.com" || after[1].Collaborators[0].User != owner {
		t.Errorf("the owner is %+v", owner)
	}
}
