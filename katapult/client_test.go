package katapult_test

import (
	"encoding/json"

	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestTheDeletionIsSentAsTheAPIWantsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization katapult.OrganizationLookup
		body         string
	}{
		"by id":                      {katapult.ID("org_acme"), `{"organization":{"id":"org_acme"}}`},
		"by sub domain":              {katapult.Subdomain("acme"), `{"organization":{"id":"org_acme"}}`},
		"by a name that JSON quotes": {katapult.ID(`ä"<`), `{"organization":{"id":"ä\"\u003c"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
			_ = katapult.DeleteOrganization(t.Context(), test.organization, srv.Option(), katapult.WithUserAgent("acme-cleaner/2"))
			requests := srv.Requests()
			r := requests[len(requests)-1] // a subdomain is resolved first
			if r.Method != "DELETE" || r.Path != "/core/v1/managed_organizations/organization" || r.Query != "" {
				t.Errorf("got %s %s?%s", r.Method, r.Path, r.Query)
			}
			if diff := cmp.Diff(test.body, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			// Without this type the API takes the path's last segment for the id.
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("got Content-Type %q", got)
			}
			if got := r.Header.Get("Authorization"); got != "Bearer "+katapulttest.Token {
				t.Errorf("got Authorization %q", got)
			}
			if got := r.Header.Get("User-Agent"); got[:len("acme-cleaner/2 offboard-go/")] != "acme-cleaner/2 offboard-go/" {
				t.Errorf("got User-Agent %q", got)
			}
		})
	}
}

func TestOpenStepsComeInTheOrderInWhichTheyHaveToGo(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	open := []string{"ensure_zero_balance", "ip_addresses", "empty_trash", "virtual_machines", "load_balancers", "managed_organizations"}
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Open: open})
	err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option())
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.DeletionStepsNotSatisfied {
		t.Fatalf("got %v, want %q", err, errors.DeletionStepsNotSatisfied)
	}
	want := []errors.Step{
		{Name: "managed_organizations", Description: "Still to do: managed organizations."},
		{Name: "load_balancers", Description: "Still to do: load balancers."},
		{Name: "virtual_machines", Description: "Still to do: virtual machines."},
		{Name: "empty_trash", Description: "Still to do: empty trash."},
		{Name: "ip_addresses", Description: "Still to do: ip addresses."},
		{Name: "ensure_zero_balance", Description: "Still to do: ensure zero balance."},
	}
	if diff := cmp.Diff(want, e.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if !srv.Exists("org_acme") {
		t.Error("the organization is gone")
	}
}

func TestTheMinuteOfTheServerIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.LimitRate(10)
		c, err := katapult.New(srv.Option())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(45 * time.Second)
		start := time.Now()
		for i := range 25 {
			id := "org_" + strconv.Itoa(i)
			srv.AddOrganization(katapulttest.Organization{ID: id})
			if err := c.DeleteOrganization(t.Context(), katapult.ID(id)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 75*time.Second {
			t.Errorf("took %v, want 75 s: two ends of a minute", took)
		}
		if n := srv.Count("DeleteOrganization"); n != 25 {
			t.Errorf("%d deletions were sent, want 25", n)
		}
	})
}

func TestTheLimitOfSomebodyElseIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
		srv.LimitRate(0) // used up by others
		time.AfterFunc(50*time.Second, func() { srv.LimitRate(10) })
		time.Sleep(20 * time.Second)
		start := time.Now()
		if err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 40*time.Second {
			t.Errorf("took %v, want 40 s: to the end of the minute", took)
		}
	})
}

func TestCheckDeletionSaysWhatDeletionWouldSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization katapulttest.Organization
		want         errors.Code
	}{
		"nothing in the way": {katapulttest.Organization{}, ""},
		"open steps":         {katapulttest.Organization{Open: []string{"disks"}}, errors.DeletionStepsNotSatisfied},
		"not managed":        {katapulttest.Organization{Unmanaged: true}, errors.ManagedOrganizationRequired},
		"suspended":          {katapulttest.Organization{Suspended: true}, errors.OrganizationSuspended},
		"not activated":      {katapulttest.Organization{NotActivated: true}, errors.OrganizationNotActivated},
		"not there":          {katapulttest.Organization{ID: "org_other"}, errors.OrganizationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			if test.organization.ID == "" {
				test.organization.ID = "org_acme"
			}
			srv.AddOrganization(test.organization)
			c, err := katapult.New(srv.Option())
			if err != nil {
				t.Fatal(err)
			}
			check := c.CheckDeletion(t.Context(), katapult.ID("org_acme"))
			if n := srv.Count("DeleteOrganization"); n != 0 {
				t.Errorf("%d deletions were sent", n)
			}
			deletion := c.DeleteOrganization(t.Context(), katapult.ID("org_acme"))
			for what, err := range map[string]error{"check": check, "deletion": deletion} {
				if e, _ := errors.AsType[*errors.Error](err); e == nil && test.want != "" || e != nil && e.Code != test.want {
					t.Errorf("%s: got %v, want code %q", what, err, test.want)
				}
			}
		})
	}
}

func TestAFailedDeletionIsReadBeforeItIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Undeletable: true})
		err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option(), katapult.WithRetry(katapult.Retry{MaxAttempts: 2, MaxWait: time.Minute}))
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.DeletionFailed || e.Status != 500 || e.Attempts != 2 {
			t.Errorf("got %v, want %q with status 500 after 2 attempts", err, errors.DeletionFailed)
		}
		var operations []string
		for _, r := range srv.Requests() {
			operations = append(operations, r.Operation)
		}
		want := []string{"DeleteOrganization", "GetOrganization", "DeleteOrganization", "GetOrganization"}
		if diff := cmp.Diff(want, operations); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// The read after a lost answer has to be about the organization that was asked for.
func TestAnotherOrganizationIsNoProof(t *testing.T) {
	t.Parallel()
	for _, organization := range []katapult.OrganizationLookup{katapult.ID("org_acme"), katapult.Subdomain("acme")} {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Subdomain: "acme"})
		if _, ok := organization.(katapult.Subdomain); ok {
			srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}) // resolves it
		}
		srv.Fail(offboardtest.LoseRequest("DeleteOrganization"),
			offboardtest.Respond("GetOrganization", 200, `{"organization":{"id":"org_other","name":"Other","sub_domain":"other"}}`))
		err := katapult.DeleteOrganization(t.Context(), organization, srv.Option())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown {
			t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
		}
		if n := srv.Count("DeleteOrganization"); n != 1 {
			t.Errorf("%d deletions were sent, want 1", n)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := katapulttest.NewServer()
		srv.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme", Open: []string{"disks"}})
		c, err := katapult.New(srv.Option())
		if err != nil {
			t.Fatal(err)
		}
		created := katapult.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
		want := katapult.Organization{
			ID: "org_acme", Name: "Acme", Subdomain: "acme", InfrastructureDomain: "acme.example.com",
			CreatedAt: created, ActivatedAt: created, Managed: true,
		}
		list, err := c.ListOrganizations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]katapult.Organization{want}, list); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
		got, err := c.GetOrganization(t.Context(), katapult.Subdomain("acme"))
		if err != nil {
			t.Fatal(err)
		}
		want.Currency = katapult.Currency{ID: "cur_eur", Name: "Euro", ISOCode: "EUR", Symbol: "€"}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		steps, err := c.GetDeletionSteps(t.Context(), katapult.ID("org_acme"))
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != 15 || steps["disks"].Satisfied || !steps["isos"].Satisfied {
			t.Errorf("got steps %v", steps)
		}
	})
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := katapult.WithToken("token")
	for name, options := range map[string][]katapult.Option{
		"no credential":           nil,
		"two credentials":         {token, token},
		"an empty token":          {katapult.WithToken("")},
		"a token with a newline":  {katapult.WithToken("to\nken")},
		"a token with a space":    {katapult.WithToken("to ken")},
		"no token source":         {katapult.WithTokenSource(nil)},
		"no HTTP client":          {token, katapult.WithHTTPClient(nil)},
		"a base URL without host": {token, katapult.WithBaseURL("https:///core")},
		"a base URL of a file":    {token, katapult.WithBaseURL("file:///core")},
		"a relative base URL":     {token, katapult.WithBaseURL("/core/v1")},
		"a base URL with a query": {token, katapult.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, katapult.WithBaseURL("https://u:secret@api.invalid")},
		"a base URL that is none": {token, katapult.WithBaseURL("https://u:secret@%zz")},
		"no attempt":              {token, katapult.WithRetry(katapult.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":         {token, katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"no rate":                 {token, katapult.WithRateLimit(katapult.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                {token, katapult.WithRateLimit(katapult.RateLimit{PerSecond: 1, Burst: 0})},
		"a user agent with lines": {token, katapult.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := katapult.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 120 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	t.Setenv("KATAPULT_API_KEY", katapulttest.Token)
	if _, err := katapult.New(); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
	}
	srv := katapulttest.NewServer()
	c, err := katapult.New(katapult.FromEnv(), katapult.WithHTTPClient(srv.Client()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListOrganizations(t.Context()); err != nil {
		t.Error(err)
	}
	t.Setenv("KATAPULT_API_KEY", "")
	if _, err := katapult.New(katapult.FromEnv()); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v without the variable, want %q", err, errors.InvalidArgument)
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	srv.AddOrganization(katapulttest.Organization{ID: "org_acme"})
	srv.Start()
	defer srv.Close()
	if err := katapult.DeleteOrganization(t.Context(), katapult.ID("org_acme"), srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"org_acme"}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestTimesAreUnixSeconds(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C katapult.Time }
	if err := json.Unmarshal([]byte(`{"A":1786810364,"B":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 8, 15, 16, 12, 44, 0, time.UTC); !got.A.Equal(want) || !got.B.IsZero() || !got.C.IsZero() {
		t.Errorf("got %v", got)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":1786810364,"B":null,"C":null}`, string(encoded)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"A":"soon"}`), &got); err == nil {
		t.Error("a text was taken for a time")
	}
}
