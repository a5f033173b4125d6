package workspace_test

import (
	"context"
	"encoding/json"
	"fmt"
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

func TestReads_Values(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Date(1999, 6, 1, 0, 0, 0, 0, time.UTC)
		srv := newServer(workspacetest.Subscription{ID: "sub_1", Plan: "Enterprise", Status: "active", From: started})
		c := newClient(t, srv.Option())
		want := workspace.Organization{ID: acme, Name: "Acme", Slug: "acme", WebSiteURL: "https://acme.example.com"}
		got, err := c.GetOrganization(t.Context(), "acme")
		wants(t, err, "")
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		page, err := c.ListOrganizationsPage(t.Context(), workspace.ListOrganizationsPageOptions{})
		wants(t, err, "")
		wantPage := workspace.OrganizationsPage{Items: []workspace.Organization{want}, TotalDocs: 1, Limit: 100, Page: 1, TotalPages: 1}
		if diff := cmp.Diff(&wantPage, page); diff != "" {
			t.Errorf("page (-want +got):\n%s", diff)
		}
		workspaceGot, err := c.GetWorkspace(t.Context(), acme)
		wants(t, err, "")
		wantWorkspace := workspace.Workspace{Organization: workspace.WorkspaceOrganization{
			ID: acme, Name: "Acme", Slug: "acme", WebSiteURL: "https://acme.example.com",
			Subscriptions: []workspace.Subscription{{
				ID: "sub_1", Plan: "Enterprise", Status: "active", IniDate: workspace.Time{Time: started},
			}},
		}}
		if diff := cmp.Diff(&wantWorkspace, workspaceGot); diff != "" {
			t.Errorf("workspace (-want +got):\n%s", diff)
		}
	})
}

func TestReads_SuccessBody(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]struct {
		data string
		call func(context.Context, *workspace.Client) error
	}{
		"organization": {`{"id":"` + acme + `"}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetOrganization(ctx, acme)
			return err
		}},
		"workspace": {`{"organization":{"id":"` + acme + `"}}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetWorkspace(ctx, acme)
			return err
		}},
		"page": {`{"items":[]}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ListOrganizationsPage(ctx, workspace.ListOrganizationsPageOptions{})
			return err
		}},
	} {
		for body, want := range map[string]errors.Code{
			`{"status":true,"data":` + read.data + `}`:                         "",
			`{"status":false,"data":` + read.data + `}`:                        errors.UnexpectedResponse,
			`{"data":` + read.data + `}`:                                       errors.UnexpectedResponse,
			`{"status":true,"response":` + read.data + `}`:                     errors.UnexpectedResponse,
			`{"status":true,"data":{}}`:                                        errors.UnexpectedResponse,
			`{"status":true,"data":{"organization":{}}}`:                       errors.UnexpectedResponse,
			`{"status":true,"data":` + read.data + `,"error":{"code":4001}}`:   errors.PermissionDenied,
			`{"status":true,"data":` + read.data + `,"error":{"message":"x"}}`: errors.UnexpectedResponse,
		} {
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				srv := newServer()
				srv.Fail(answer("", body))
				wants(t, read.call(t.Context(), newClient(t, srv.Option())), want)
			})
		}
	}
}

// The payment secret in an answer is not part of any value or error.
func TestGetWorkspace_PaymentSecret(t *testing.T) {
	t.Parallel()
	srv := newServer()
	const payment = `"paymentIntent":{"id":"pi_1","secret":"pi_1_canary"}`
	srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","subscriptions":[{"plan":"Pro",`+payment+`}],`+payment+`}}}`))
	srv.Fail(offboardtest.Respond("GetWorkspace", 400, `{"status":false,"error":{"code":5003,"data":{"limit":1,`+payment+`}},`+payment+`}`))
	c := newClient(t, srv.Option())
	found, err := c.GetWorkspace(t.Context(), acme)
	wants(t, err, "")
	_, err = c.GetWorkspace(t.Context(), acme)
	e := wants(t, err, errors.Conflict)
	for _, v := range []any{found, e, e.Detail} {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v %#v %s", v, v, encoded); strings.Contains(text, "canary") {
			t.Errorf("got %s", text)
		}
	}
}

// IDs of the resources that full adds.
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

// full returns a fake with the organization acme, which has resources of every kind.
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

func TestOperations(t *testing.T) {
	t.Parallel()
	started := workspace.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} // the start of synctest's clock
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
		"CheckSlug, in use": {
			func(ctx context.Context, c *workspace.Client) (any, error) { return c.CheckSlug(ctx, "acme") },
			"GET /v1/organizations/check-slug/acme",
			&workspace.SlugCheck{Reason: "The slug is in use."},
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
				CreatedBy: olive, CreatedAt: started, UpdatedAt: started,
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
				CreatedBy: olive, CreatedAt: started, UpdatedAt: started,
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
				CreatedBy: olive, CreatedAt: started, UpdatedAt: started,
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
					CreatedBy: olive, CreatedAt: started, UpdatedAt: started,
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
				State: "ACTIVE", Type: "apple", SubType: "device", LastStatusReportTime: started,
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
				State: "PENDING", Type: "windows", SubType: "enrollment", EnrolledDate: started, LastStatusReportTime: started,
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
					t.Error("the fake does not know the operation")
				}
			})
		})
	}
}

func TestOperations_InvalidArguments(t *testing.T) {
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

// Secrets that enroll a device, or sign a user in to another service, are not part of any value.
func TestReads_Secrets(t *testing.T) {
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
