package atlas_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestDeleteOrganization_Request(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	_ = atlas.DeleteOrganization(t.Context(), acme, srv.Option(), atlas.WithUserAgent("acme-cleaner/2"))
	r := srv.Requests()[0]
	if r.Method != "DELETE" || r.Path != "/api/atlas/v2/orgs/"+acme || r.Query != "" || len(r.Body) != 0 {
		t.Errorf("got %s %s?%s with body %q", r.Method, r.Path, r.Query, r.Body)
	}
	if got := r.Header.Get("Accept"); got != "application/vnd.atlas.2023-01-01+json" {
		t.Errorf("got Accept %q", got)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+atlastest.Token {
		t.Errorf("got Authorization %q", got)
	}
	if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-cleaner/2 offboard-go/") {
		t.Errorf("got User-Agent %q", got)
	}
}

func TestDeleteOrganization_Blocked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization atlastest.Organization
		projects     int
		want         errors.Code
		category     errors.Code
		status       int
		provider     string // provider code
		steps        []string
	}{
		"projects": {
			projects: 2, want: errors.OrganizationNotEmpty, category: errors.DeletionStepsNotSatisfied,
			status: 409, provider: "ORG_NOT_EMPTY", steps: []string{"project"},
		},
		"a live migration": {
			organization: atlastest.Organization{LiveMigration: true},
			want:         errors.ActiveLiveMigration, category: errors.DeletionStepsNotSatisfied,
			status: 409, provider: "CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK", steps: []string{"live_migration_link"},
		},
		"failed payments": {
			organization: atlastest.Organization{FailedPayments: true},
			want:         errors.PaymentRequired, category: errors.DeletionStepsNotSatisfied,
			status: 402, provider: "CANNOT_DELETE_ORG_FAILED_PAYMENTS", steps: []string{"failed_invoice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			test.organization.ID = acme
			srv.AddOrganization(test.organization)
			for i := range test.projects {
				srv.AddProject(acme, atlastest.Project{ID: fmt.Sprintf("5e2f0000000000000000%04d", i)})
			}
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option())
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != test.want || e.Status != test.status || e.ProviderCode != test.provider || !errors.Is(err, test.category) {
				t.Fatalf("got %v, want %q with status %d", err, test.want, test.status)
			}
			var steps []string
			for _, step := range e.Steps {
				steps = append(steps, step.Name)
				if step.Description == "" || step.Description != e.Message {
					t.Errorf("got description %q, want Atlas's text %q", step.Description, e.Message)
				}
			}
			if diff := cmp.Diff(test.steps, steps); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if !srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
				t.Errorf("%d deletions were sent; exists: %t", srv.Count("DeleteOrganization"), srv.Exists(acme))
			}
		})
	}
}

func TestDeleteOrganization_AfterProjects(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	c := newClient(t, srv)
	if err := c.DeleteOrganization(t.Context(), acme); !errors.Is(err, errors.OrganizationNotEmpty) {
		t.Fatalf("got %v, want %q", err, errors.OrganizationNotEmpty)
	}
	srv.RemoveProjects(acme)
	if err := c.DeleteOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestDeleteOrganization_FoundAsDeleted(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, Lingers: true})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeleteOrganization", "GetOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestDeleteOrganization_UndecidedRead(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]offboardtest.Fault{
		"another organization":       offboardtest.Respond("GetOrganization", 200, `{"id":"`+other+`","name":"Other"}`),
		"an organization without ID": offboardtest.Respond("GetOrganization", 200, `{"name":"Acme"}`),
		"a 404 without a code":       offboardtest.Respond("GetOrganization", 404, `{"error":404,"reason":"Not Found"}`),
		"a malformed ID":             offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"INVALID_ORG_ID"}`),
		"not one of Atlas":           offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"NOT_ATLAS_ORG"}`),
		"another resource":           offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`),
		"no access":                  offboardtest.Respond("GetOrganization", 401, `{"error":401,"errorCode":"USER_CANNOT_ACCESS_ORG"}`),
		"a 401":                      offboardtest.Respond("GetOrganization", 401, `{"error":401,"reason":"Unauthorized"}`),
		"a 403":                      always(offboardtest.HTMLResponse("GetOrganization", 403)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.Fail(offboardtest.LoseRequest("DeleteOrganization"), answer)
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option())
			if got := code(t, err); got != errors.OutcomeUnknown {
				t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
			}
			if n := srv.Count("DeleteOrganization"); n != 1 {
				t.Errorf("%d deletions were sent, want 1", n)
			}
		})
	}
	for _, errorCode := range []string{"ORG_NOT_FOUND", "RESOURCE_NOT_FOUND"} {
		t.Run(errorCode+" decides", func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"),
				offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"`+errorCode+`"}`))
			if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
				t.Error(err)
			}
		})
	}
}

// always returns a fault of all requests, because the client retries a read that a page refuses.
func always(f offboardtest.Fault) offboardtest.Fault {
	f.Times = 100
	return f
}

func TestDeleteOrganization_Upgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		upgrade := offboardtest.Respond("DeleteOrganization", 405, `{"error":405,"errorCode":"WRITES_NOT_ALLOWED_DURING_APP_UPGRADES"}`)
		upgrade.Times = 2
		srv.Fail(upgrade)
		if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
			t.Fatal(err)
		}
		want := []string{"DeleteOrganization", "DeleteOrganization", "DeleteOrganization"}
		if diff := cmp.Diff(want, requests(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// ownCredentials add a credential of the organization itself, by kind.
var ownCredentials = map[string]func(*atlastest.Server) atlas.Option{
	"service account": func(srv *atlastest.Server) atlas.Option {
		srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + acme, Secret: "own-secret", Organization: acme})
		return atlas.WithServiceAccount("mdb_sa_id_"+acme, "own-secret")
	},
	"API key": func(srv *atlastest.Server) atlas.Option {
		srv.AddAPIKey(atlastest.Credential{ID: "acmeacme", Secret: "own-secret", Organization: acme})
		return atlas.WithAPIKey("acmeacme", "own-secret")
	},
}

func TestDeleteOrganization_OwnCredentialLostAnswer(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			c := newClientAs(t, srv, credential(srv))
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
			err := c.DeleteOrganization(t.Context(), acme)
			if got := code(t, err); got != errors.OutcomeUnknown || errors.Retryable(err) {
				t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
			}
			if srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
				t.Errorf("%d deletions were sent; exists: %t", srv.Count("DeleteOrganization"), srv.Exists(acme))
			}
		})
	}
}

// The first deletion fails with 503, and a read shows that the organization exists. Another client
// deletes the organization before the second deletion.
func TestDeleteOrganization_RepeatFindsNothing(t *testing.T) {
	t.Parallel()
	unavailable := offboardtest.HTMLResponse("DeleteOrganization", 503)
	unavailable.Header.Set("Retry-After", "10")
	meanwhile := func(t *testing.T, srv *atlastest.Server, c *atlas.Client) error {
		srv.Fail(unavailable)
		time.AfterFunc(5*time.Second, func() { srv.RemoveOrganization(acme) })
		return c.DeleteOrganization(t.Context(), acme)
	}
	for name, credential := range ownCredentials {
		t.Run("own "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: acme})
				err := meanwhile(t, srv, newClientAs(t, srv, credential(srv)))
				if got := code(t, err); got != errors.OutcomeUnknown {
					t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
				}
				if cause, _ := errors.AsType[*errors.Error](rootCause(err)); cause == nil || cause.Code != errors.Unauthenticated {
					t.Errorf("got cause %v, want %q", cause, errors.Unauthenticated)
				}
			})
		})
	}
	t.Run("credential that can read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			if err := meanwhile(t, srv, newClient(t, srv)); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestDeleteOrganization_CredentialOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	for name, credential := range ownCredentials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.AddOrganization(atlastest.Organization{ID: other})
			err := newClientAs(t, srv, credential(srv)).DeleteOrganization(t.Context(), other)
			if got := code(t, err); got != errors.Unauthenticated {
				t.Errorf("got %v, want %q", err, errors.Unauthenticated)
			}
			if !srv.Exists(other) {
				t.Error("the organization was deleted")
			}
		})
	}
}

func TestDeleteOrganization_MissingRole(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddAPIKey(atlastest.Credential{ID: "member", Secret: "member-secret", Member: true})
	c := newClientAs(t, srv, atlas.WithAPIKey("member", "member-secret"))
	err := c.DeleteOrganization(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.PermissionDenied || e.Status != 401 || e.ProviderCode != "NOT_ORG_OWNER" {
		t.Fatalf("got %v, want %q with status 401", err, errors.PermissionDenied)
	}
	want := atlas.ErrorDetail{Reason: "Unauthorized", Parameters: []any{acme}}
	if diff := cmp.Diff(want, e.Detail); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
	if err := c.CheckDeletion(t.Context(), acme); err != nil {
		t.Errorf("got %v from CheckDeletion, which a member can call", err)
	}
}

func TestCheckDeletion_SameErrorAsDeletion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*atlastest.Server)
		want    errors.Code
	}{
		"no blocker": {func(*atlastest.Server) {}, ""},
		"projects":   {func(srv *atlastest.Server) { srv.AddProject(acme, atlastest.Project{ID: shop}) }, errors.OrganizationNotEmpty},
		"a failed payment": {func(srv *atlastest.Server) {
			srv.RemoveOrganization(acme)
			srv.AddOrganization(atlastest.Organization{ID: acme, FailedPayments: true})
		}, errors.PaymentRequired},
		"missing": {func(srv *atlastest.Server) { srv.RemoveOrganization(acme) }, errors.OrganizationNotFound},
		"deleted and found": {func(srv *atlastest.Server) {
			srv.RemoveOrganization(acme)
			srv.AddOrganization(atlastest.Organization{ID: acme, Lingers: true})
			srv.RemoveOrganization(acme)
		}, errors.OrganizationNotFound},
		"an unlisted address": {func(srv *atlastest.Server) { srv.RefuseAddress(true) }, errors.UnauthorizedNetworkForAPIToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			test.prepare(srv)
			c := newClient(t, srv)
			check := c.CheckDeletion(t.Context(), acme)
			if n := srv.Count("DeleteOrganization"); n != 0 {
				t.Errorf("%d deletions were sent", n)
			}
			deletion := c.DeleteOrganization(t.Context(), acme)
			for what, err := range map[string]error{"check": check, "deletion": deletion} {
				if got := code(t, err); got != test.want {
					t.Errorf("%s: got %v, want code %q", what, err, test.want)
				}
			}
		})
	}
}

func TestCheckDeletion_Projects(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop", Clusters: 3})
	srv.AddProject(acme, atlastest.Project{ID: other, Name: "blog"})
	err := newClient(t, srv).CheckDeletion(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Operation != "CheckDeletion" || e.Target != acme {
		t.Fatalf("got %v, want an error of CheckDeletion", err)
	}
	want := []errors.Step{
		{Name: "project", Description: "shop (" + shop + "), clusters: 3"},
		{Name: "project", Description: "blog (" + other + "), clusters: 0"},
	}
	if diff := cmp.Diff(want, e.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	// Without the permission to read invoices, CheckDeletion reports the projects.
	srv.Fail(offboardtest.Respond("ListInvoicesPage", 403, `{"errorCode":"ACCESS_FORBIDDEN"}`))
	if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.OrganizationNotEmpty) {
		t.Errorf("got %v although the invoices could not be read, want %q", err, errors.OrganizationNotEmpty)
	}
	srv.Fail(offboardtest.Respond("ListProjectsPage", 403, `{"errorCode":"ACCESS_FORBIDDEN"}`))
	if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("got %v although the projects could not be read, want %q", err, errors.PermissionDenied)
	}
}

func TestCheckDeletion_FailedInvoices(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, FailedPayments: true})
	e, _ := errors.AsType[*errors.Error](newClient(t, srv).CheckDeletion(t.Context(), acme))
	want := []errors.Step{{Name: "failed_invoice", Description: "313565326630303030303030, unpaid: USD 42.00"}}
	if e == nil || !cmp.Equal(want, e.Steps) {
		t.Errorf("got %+v, want the steps %v", e, want)
	}
}

// A page of another server proves nothing, whichever read it answers.
func TestCheckDeletion_ForeignPage(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"GetOrganization", "ListProjectsPage", "ListInvoicesPage"} {
		for name, fault := range map[string]offboardtest.Fault{
			"403 page":  offboardtest.Respond(operation, http.StatusForbidden, "<html>Request blocked</html>"),
			"403 empty": offboardtest.Respond(operation, http.StatusForbidden, ""),
			"401 empty": offboardtest.Respond(operation, http.StatusUnauthorized, ""),
			"404 page":  offboardtest.Respond(operation, http.StatusNotFound, "<html>Not found</html>"),
		} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := atlastest.NewServer()
					srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
					srv.Fail(always(fault))
					c := newClient(t, srv)
					if err := c.CheckDeletion(t.Context(), acme); !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("CheckDeletion: got %v", err)
					}
					if p, err := c.Plan(t.Context(), acme); p != nil || !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("Plan: got %v, %v", p, err)
					}
				})
			})
		}
	}
	t.Run("a transient burst", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
			fault := offboardtest.Respond("ListInvoicesPage", http.StatusForbidden, "")
			fault.Times = 3
			srv.Fail(fault)
			if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.PaymentRequired) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("a revoked credential", func(t *testing.T) {
		t.Parallel()
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme, Name: "Acme", FailedPayments: true})
		srv.Fail(always(offboardtest.Respond("ListInvoicesPage", http.StatusUnauthorized, `{"error":401,"errorCode":"UNEXPECTED_ERROR"}`)))
		if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("got %v", err)
		}
	})
}
