package workspacetest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

const (
	acme  = "65f0000000000000000000ac"
	other = "65f0000000000000000000b1"
	jane  = "65f000000000000000000001"
	app   = "65f000000000000000000002"
)

func TestServer_Answers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path, authorization string
		want                        string
	}{
		"no token":       {"DELETE", "/v1/organizations/acme", "", `401 {"error":{"code":4002,"message":"No token."},"status":false}`},
		"unknown token":  {"DELETE", "/v1/organizations/acme", "Bearer x", `401 {"error":{"code":4004,"message":"Invalid token."},"status":false}`},
		"expired token":  {"GET", "/v1/organizations/acme", "Bearer " + workspacetest.ExpiredToken, `401 {"error":{"code":4005,"message":"Token expired."},"status":false}`},
		"unknown route":  {"GET", "/organizations/acme", "", `404 {"error":{"code":1002,"message":"Route not found."},"status":false}`},
		"unknown method": {"PATCH", "/v1/organizations/acme", "Bearer " + workspacetest.Token, `404 {"error":{"code":1002,"message":"Route not found."},"status":false}`},
		"unknown slug":   {"DELETE", "/v1/organizations/unknown", "Bearer " + workspacetest.Token, `404 {"error":{"code":3001,"message":"Entity not found."},"status":false}`},
		"subscription":   {"DELETE", "/v1/organizations/paying", "Bearer " + workspacetest.Token, `400 {"error":{"code":5111,"message":"Active subscriptions."},"status":false}`},
		"slug":           {"DELETE", "/v1/organizations/acme", "Bearer " + workspacetest.Token, `200 {"data":{"delete":"OK"},"status":true}`},
		"ID before slug": {"DELETE", "/v1/organizations/" + strings.ToUpper(acme), "Bearer " + workspacetest.Token, `200 {"data":{"delete":"OK"},"status":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: other, Slug: strings.ToUpper(acme), Subscriptions: make([]workspacetest.Subscription, 1)})
			srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme"})
			srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000c1", Slug: "paying", Subscriptions: make([]workspacetest.Subscription, 1)})
			req, err := http.NewRequestWithContext(t.Context(), test.method, offboardtest.InMemory+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.authorization != "" {
				req.Header.Set("Authorization", test.authorization)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, fmt.Sprintf("%d %s", resp.StatusCode, body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme"})
	srv.Start()
	defer srv.Close()
	if err := workspace.DeleteOrganization(t.Context(), "acme", srv.Option()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestServer_Change(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{
		ID: acme, Slug: "acme",
		Collaborators: []workspacetest.Collaborator{{User: workspacetest.User{ID: jane, FirstName: "Jane"}}},
		Apps:          []workspacetest.App{{ID: app, Name: "Acme Bank"}},
	})
	srv.AddOrganization(workspacetest.Organization{ID: other, Owner: workspacetest.User{ID: jane, FirstName: "Jane"}})
	before := srv.Organizations()
	if diff := cmp.Diff(before, srv.Organizations()); diff != "" {
		t.Errorf("changed without a write:\n%s", diff)
	}
	srv.Change(acme, func(o *workspacetest.Organization) {
		o.Subscriptions = append(o.Subscriptions, workspacetest.Subscription{Plan: "Enterprise"})
		o.Apps = append(o.Apps, workspacetest.App{Name: "Another"})
	})
	func() {
		defer func() {
			if got, want := recover(), `fake: organization "unknown" does not exist`; got != want {
				t.Errorf("panic for an unknown organization: got %v, want %s", got, want)
			}
		}()
		srv.Change("unknown", func(*workspacetest.Organization) { t.Error("called for an unknown organization") })
	}()
	c, err := workspace.New(srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteApp(t.Context(), acme, app); err != nil {
		t.Error(err)
	}
	if err := c.DeleteOrganization(t.Context(), acme); !errors.Is(err, errors.ActiveSubscriptions) {
		t.Errorf("got %v, want %q", err, errors.ActiveSubscriptions)
	}
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
