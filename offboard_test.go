package offboard_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// credentials returns a function for credentials that has these values.
func credentials(values map[string]string) offboard.Option {
	return offboard.WithCredentials(func(name string) (string, error) { return values[name], nil })
}

// target is a fake with one organization.
type target struct {
	spec    offboard.Spec
	server  *offboardtest.Server
	values  map[string]string
	exists  func() bool
	outcome teardown.Outcome
}

// serve returns a fake of each provider.
func serve() map[string]target {
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme", Subdomain: "acme"})
	z := zitadeltest.NewServer()
	z.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	a := atlastest.NewServer()
	a.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	w := workspacetest.NewServer()
	w.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme"})
	v := volterratest.NewServer()
	v.SetTenant(volterratest.Tenant{Name: "acme"})
	base := func(s *offboardtest.Server) string {
		url, _ := s.Endpoint()
		return url
	}
	return map[string]target{
		"katapult": {
			offboard.Spec{Provider: "katapult", Organization: "acme", BaseURL: base(k.Server)}, k.Server,
			map[string]string{"KATAPULT_API_KEY": katapulttest.Token}, func() bool { return k.Exists("org_acme") }, teardown.Deleted,
		},
		"zitadel": {
			offboard.Spec{Provider: "zitadel", Organization: "312909075211944042"}, z.Server,
			map[string]string{"ZITADEL_API_URL": base(z.Server), "ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token},
			func() bool { return z.Exists("312909075211944042") }, teardown.Deleted,
		},
		"atlas": {
			offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001"}, a.Server,
			map[string]string{
				"MONGODB_ATLAS_BASE_URL": base(a.Server), "MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
			},
			func() bool { return a.Exists("5e2f00000000000000000001") }, teardown.Deleted,
		},
		"applivery": {
			offboard.Spec{Provider: "applivery", Organization: "acme", BaseURL: base(w.Server)}, w.Server,
			map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token}, func() bool { return w.Exists("65f0000000000000000000ac") }, teardown.Deleted,
		},
		"f5": {
			offboard.Spec{Provider: "f5", Organization: "acme", Email: "owner@acme.example"}, v.Server,
			map[string]string{"F5XC_API_URL": base(v.Server), "F5XC_API_TOKEN": volterratest.Token},
			func() bool { return len(v.Accepted()) == 0 }, teardown.Pending,
		},
	}
}

func (s target) open(t *testing.T, options ...offboard.Option) offboard.Organization {
	t.Helper()
	_, hc := s.server.Endpoint()
	o, err := offboard.Open(t.Context(), s.spec, append([]offboard.Option{credentials(s.values), offboard.WithHTTPClient(hc)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// A fake returns a base URL with the path of the provider's API, in memory and over loopback.
func TestOpen_BaseURLOfFake(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		for _, loopback := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/loopback=%t", name, loopback), func(t *testing.T) {
				t.Parallel()
				s := serve()[name]
				s.spec.BaseURL, _ = s.server.Endpoint()
				if loopback {
					s.spec.BaseURL = s.server.Start()
					t.Cleanup(s.server.Close)
					if url, _ := s.server.Endpoint(); url != s.spec.BaseURL {
						t.Errorf("Endpoint returns %q, and Start %q", url, s.spec.BaseURL)
					}
				}
				if found, err := s.open(t).Identify(t.Context()); err != nil || found.ID == "" {
					t.Errorf("got %+v, %v", found, err)
				}
			})
		}
	}
}

func TestOpen_AllProviders(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := serve()[name]
				o := s.open(t)
				identified, err := o.Identify(t.Context())
				if err != nil || identified.ID == "" {
					t.Fatalf("got %+v, %v", identified, err)
				}
				orgName, err := o.Name(t.Context())
				if err != nil || !strings.EqualFold(orgName, "acme") {
					t.Errorf("got the name %q, %v", orgName, err)
				}
				if err := o.Check(t.Context()); err != nil {
					t.Errorf("check: %v", err)
				}
				p, err := o.Plan(t.Context())
				if err != nil || p.Provider != o.Provider() || p.Organization != identified {
					t.Fatalf("got the plan %+v, %v", p, err)
				}
				if !s.exists() {
					t.Fatal("a read has deleted it")
				}
				r, err := o.Teardown(t.Context(), p, teardown.WithConfirm(orgName), teardown.WithOverrides(p.Overrides()...))
				if err != nil || r.Outcome != s.outcome || s.exists() {
					t.Errorf("got %+v, %v; it exists: %t", r, err, s.exists())
				}

				s = serve()[name]
				if err := s.open(t).Delete(t.Context()); err != nil || s.exists() {
					t.Errorf("got %v; it exists: %t", err, s.exists())
				}
			})
		})
	}
}

// Credentials can have other names, and no other credential is used then.
func TestOpen_NamedCredentials(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve()[name]
			_, hc := s.server.Endpoint()
			values, requested := map[string]string{}, map[string]bool{}
			s.spec.Credentials = map[string]string{}
			for usual, value := range s.values {
				if strings.HasSuffix(usual, "_URL") {
					values[usual] = value
					continue
				}
				values["OTHER_"+usual], values[usual] = value, "not-this-one"
				s.spec.Credentials[usual] = "OTHER_" + usual
			}
			get := func(name string) (string, error) { requested[name] = true; return values[name], nil }
			o, err := offboard.Open(t.Context(), s.spec, offboard.WithCredentials(get), offboard.WithHTTPClient(hc))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Identify(t.Context()); err != nil {
				t.Errorf("got %v", err)
			}
			for usual := range s.spec.Credentials {
				if requested[usual] || !requested["OTHER_"+usual] {
					t.Errorf("requested %v", requested)
				}
			}
			o.Close()

			missing := func(string) (string, error) { return "", nil }
			if _, err := offboard.Open(t.Context(), s.spec, offboard.WithCredentials(missing)); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("without a value: got %v", err)
			}
			cause := errors.New("the secret manager is sealed")
			sealed := func(string) (string, error) { return "", cause }
			if _, err := offboard.Open(t.Context(), s.spec, offboard.WithCredentials(sealed)); errors.CodeOf(err) != errors.Unavailable || !errors.Is(err, cause) {
				t.Errorf("with an error: got %v", err)
			}
			for _, cause := range []error{errors.PermissionDenied, &errors.Error{Provider: "vault", Code: errors.PermissionDenied, Err: cause}} {
				sealed := func(string) (string, error) { return "", cause }
				if _, err := offboard.Open(t.Context(), s.spec, offboard.WithCredentials(sealed)); errors.CodeOf(err) != errors.PermissionDenied {
					t.Errorf("with a code: got %v", err)
				}
			}
		})
	}
}

// A base URL in the spec is used, and none is requested.
func TestOpen_BaseURLNotRequested(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve()[name]
			url, hc := s.server.Endpoint()
			s.spec.BaseURL = url
			get := func(name string) (string, error) {
				if strings.HasSuffix(name, "_URL") {
					t.Errorf("%s was requested", name)
					return "https://another.example", nil
				}
				return s.values[name], nil
			}
			o, err := offboard.Open(t.Context(), s.spec, offboard.WithCredentials(get), offboard.WithHTTPClient(hc))
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			if found, err := o.Identify(t.Context()); err != nil || found.ID == "" {
				t.Errorf("got %+v, %v", found, err)
			}
		})
	}
}

// Validate refuses exactly the specs that Open or a method refuses before a request.
func TestValidate_AgreesWithMethods(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		changes := map[string]func(*offboard.Spec){
			"unchanged":         func(*offboard.Spec) {},
			"no credentials":    func(s *offboard.Spec) { s.Credentials = map[string]string{"PATH": "X"} },
			"other base URL":    func(s *offboard.Spec) { s.BaseURL = "ftp://acme.example" },
			"base URL of a key": func(s *offboard.Spec) { s.BaseURL = "https://key@acme.example" },
			"invalid reason":    func(s *offboard.Spec) { s.Reason = "BORED" },
		}
		for _, id := range []string{"", "org_9", "a", "acme", "..", "a/b", " a", "a b", "ä", "5e2f00000000000000000009", "5E2F00000000000000000009", strings.Repeat("a", 300)} {
			changes["organization "+id] = func(s *offboard.Spec) { s.Organization = id }
		}
		for change, apply := range changes {
			t.Run(name+"/"+change, func(t *testing.T) {
				t.Parallel()
				s := serve()[name]
				apply(&s.spec)
				_, hc := s.server.Endpoint()
				o, want := offboard.Open(t.Context(), s.spec, credentials(s.values), offboard.WithHTTPClient(hc))
				if want == nil {
					_, want = o.Plan(t.Context())
				}
				if !errors.Is(want, errors.InvalidArgument) || len(s.server.Requests()) > 0 {
					want = nil
				}
				err := s.spec.Validate()
				if (err == nil) != (want == nil) || err != nil && !errors.Is(err, errors.InvalidArgument) {
					t.Errorf("got %v, want the decision of the methods: %v", err, want)
				}
			})
		}
	}
	if err := (offboard.Spec{Provider: "acme", Organization: "1"}).Validate(); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("unknown provider: got %v", err)
	}
}

func TestOpen_InvalidArguments(t *testing.T) {
	t.Parallel()
	spec := offboard.Spec{Provider: "katapult", Organization: "org_acme"}
	token := credentials(map[string]string{"KATAPULT_API_KEY": "token"})
	with := func(change func(*offboard.Spec)) offboard.Spec {
		s := spec
		change(&s)
		return s
	}
	// refused reports an error that is not one of Open with the provider, if the spec names one.
	refused := func(name, provider string, err error) {
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.InvalidArgument || e.Operation != "Open" || e.Provider != provider || strings.Contains(e.Error(), "s3cret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		spec    offboard.Spec
		options []offboard.Option
	}{
		"no credentials":           {spec, nil},
		"no value":                 {spec, []offboard.Option{credentials(nil)}},
		"nil function":             {spec, []offboard.Option{offboard.WithCredentials(nil)}},
		"nil option":               {spec, []offboard.Option{token, nil}},
		"nil client":               {spec, []offboard.Option{token, offboard.WithHTTPClient(nil)}},
		"no retry":                 {spec, []offboard.Option{token, offboard.WithRetry(offboard.Retry{MaxAttempts: -1})}},
		"no rate":                  {spec, []offboard.Option{token, offboard.WithRateLimit(offboard.RateLimit{})}},
		"no function for limiters": {spec, []offboard.Option{token, offboard.WithLimiter(nil)}},
		"a user agent of lines":    {spec, []offboard.Option{token, offboard.WithUserAgent("a\nb")}},
		"no provider":              {with(func(s *offboard.Spec) { s.Provider = "" }), []offboard.Option{token}},
		"an unknown provider":      {with(func(s *offboard.Spec) { s.Provider = "Katapult" }), []offboard.Option{token}},
		"no organization":          {with(func(s *offboard.Spec) { s.Organization = " " }), []offboard.Option{token}},
		"a plain base URL":         {with(func(s *offboard.Spec) { s.BaseURL = "http://acme.example" }), []offboard.Option{token}},
		"an email address":         {with(func(s *offboard.Spec) { s.Email = "a@acme.example" }), []offboard.Option{token}},
		"an unknown credential":    {with(func(s *offboard.Spec) { s.Credentials = map[string]string{"s3cret-value": "X"} }), []offboard.Option{token}},
		"a credential of no name":  {with(func(s *offboard.Spec) { s.Credentials = map[string]string{"KATAPULT_API_KEY": ""} }), []offboard.Option{token}},
		"a tenant without email":   {offboard.Spec{Provider: "f5", Organization: "acme"}, []offboard.Option{token}},
	} {
		o, err := offboard.Open(t.Context(), test.spec, test.options...)
		provider := map[string]string{"katapult": "katapult", "f5": "volterra"}[test.spec.Provider]
		refused(name, provider, err)
		o.Close()
	}
	var background context.Context // nil
	_, err := offboard.Open(background, spec, token)
	refused("nil context", "katapult", err)
	var none *offboard.Clients
	_, err = none.Open(t.Context(), spec)
	refused("nil Clients", "katapult", err)
	none.Close()
	_, err = new(offboard.Clients).Open(t.Context(), spec)
	refused("zero Clients", "katapult", err)
}

func TestOpen_CredentialsError(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("the secret manager is unreachable")
	_, err := offboard.Open(t.Context(), offboard.Spec{Provider: "katapult", Organization: "org_acme"},
		offboard.WithCredentials(func(string) (string, error) { return "", unreachable }))
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Operation != "Open" || e.Code != errors.Unavailable || !errors.Is(err, unreachable) {
		t.Errorf("got %v", err)
	}
}

func TestOpen_UnknownProvider(t *testing.T) {
	t.Parallel()
	_, err := offboard.Open(t.Context(), offboard.Spec{Provider: "acme", Organization: "1"})
	const want = "Open: invalid_argument: unknown provider; use one of katapult, zitadel, atlas, workspace (or applivery), volterra (or f5)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A read of Zitadel still finds a deleted organization.
func TestOrganization_IdentifyDeleted(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]errors.Code{
		"katapult": errors.OrganizationNotFound, "zitadel": errors.OrganizationNotFound, "atlas": errors.OrganizationNotFound,
		"applivery": errors.OrganizationNotFound, "f5": errors.Unauthenticated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := serve()[name].open(t)
				if err := o.Delete(t.Context()); err != nil {
					t.Fatal(err)
				}
				if found, err := o.Identify(t.Context()); errors.CodeOf(err) != want {
					t.Errorf("got %+v, %v, want the code %q", found, err, want)
				}
			})
		})
	}
}

func TestOrganization_Zero(t *testing.T) {
	t.Parallel()
	var o offboard.Organization
	_, identify := o.Identify(t.Context())
	_, plan := o.Plan(t.Context())
	_, td := o.Teardown(t.Context(), nil)
	for i, err := range []error{identify, plan, td, o.Check(t.Context()), o.Delete(t.Context())} {
		if !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%d: got %v", i, err)
		}
	}
	opened := serve()["katapult"].open(t)
	var background context.Context // nil
	if err := opened.Delete(background); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("nil context: got %v", err)
	}
}

// Organizations that are reached in the same way share a client, whose credentials are read
// once.
func TestClients_Shared(t *testing.T) {
	t.Parallel()
	reads := 0
	clients := offboard.NewClients(offboard.WithCredentials(func(string) (string, error) { reads++; return "token", nil }))
	defer clients.Close()
	for i, spec := range []offboard.Spec{
		{Provider: "katapult", Organization: "org_a"},
		{Provider: "katapult", Organization: "org_b"},
		{Provider: "katapult", Organization: "org_a", BaseURL: "https://katapult.example/core/v1"},
		{Provider: "katapult", Organization: "org_a", Credentials: map[string]string{"KATAPULT_API_KEY": "OTHER"}},
		{Provider: "katapult", Organization: "org_b", Credentials: map[string]string{"KATAPULT_API_KEY": "OTHER"}},
		{Provider: "applivery", Organization: "a"},
		{Provider: "workspace", Organization: "b"},
	} {
		if _, err := clients.Open(t.Context(), spec); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if reads != 4 {
		t.Errorf("the credentials were read %d times, want 4", reads)
	}
}

// No text in the name of a credential makes two specs share a client.
func TestClients_NamesOfCredentials(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	clients := offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) {
		read[name] = true
		return map[bool]string{false: "value"}[strings.Contains(name, "URL")], nil
	}))
	defer clients.Close()
	const id, secret, public = "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY"
	for _, names := range []map[string]string{
		{id: "X", secret: "Y", public: "Z"},
		{id: "X", secret: "Y\n" + public + "=Z"},
	} {
		if _, err := clients.Open(t.Context(), offboard.Spec{Provider: "atlas", Organization: "32b6e34b3d91647abb20e7b8", Credentials: names}); err != nil {
			t.Fatal(err)
		}
		if !read[names[secret]] {
			t.Errorf("%q was not read; got %v", names[secret], read)
		}
	}
}

// opening is a call of [offboard.Clients.Open] that runs at the same time as the test.
type opening chan error

func open(ctx context.Context, clients *offboard.Clients, spec offboard.Spec) opening {
	result := make(opening, 1)
	go func() {
		_, err := clients.Open(ctx, spec)
		result <- err
	}()
	return result
}

// wait returns the error of the call. The limit of time makes a deadlock fail only this test.
func (o opening) wait(t *testing.T, call string) error {
	t.Helper()
	select {
	case err := <-o:
		return err
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: Open did not return", call)
		return nil
	}
}

// A slow function for the credentials of one client delays no other client, and calls that need
// the same client wait for it.
func TestClients_SlowCredentials(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	reading, release := make(chan struct{}, 1), make(chan struct{})
	clients := offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) {
		if name == "SLOW" {
			reads.Add(1)
			reading <- struct{}{}
			<-release
		}
		return "token", nil
	}))
	slow := offboard.Spec{Provider: "katapult", Organization: "org_a", Credentials: map[string]string{"KATAPULT_API_KEY": "SLOW"}}
	first := open(t.Context(), clients, slow)
	<-reading
	if err := open(t.Context(), clients, offboard.Spec{Provider: "katapult", Organization: "org_b"}).wait(t, "another credential"); err != nil {
		t.Error(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	err := open(ended, clients, slow).wait(t, "an ended context")
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Canceled || e.Operation != "Open" || !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: got %v", err)
	}
	clients.Close() // waits for no function
	second := open(t.Context(), clients, slow)
	close(release)
	for name, call := range map[string]opening{"the first call": first, "the second call": second} {
		if err := call.wait(t, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("the credential was read %d times, want 1", n)
	}
}

// A function for credentials can open an organization with another credential, as one does that
// reads a secret with the client of the organization that stores it.
func TestClients_CredentialsOpen(t *testing.T) {
	t.Parallel()
	var clients *offboard.Clients
	clients = offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) {
		if name == "STORED" {
			if _, err := clients.Open(t.Context(), offboard.Spec{Provider: "katapult", Organization: "org_store"}); err != nil {
				return "", err
			}
		}
		return "token", nil
	}))
	defer clients.Close()
	spec := offboard.Spec{Provider: "katapult", Organization: "org_a", Credentials: map[string]string{"KATAPULT_API_KEY": "STORED"}}
	if err := open(t.Context(), clients, spec).wait(t, "a stored credential"); err != nil {
		t.Error(err)
	}
}

// Calls that wait for a client get the error of its function. The next call reads the credential
// again, also after a panic.
func TestClients_CredentialsFail(t *testing.T) {
	t.Parallel()
	spec := offboard.Spec{Provider: "katapult", Organization: "org_a"}
	down := errors.New("the secret manager is down")
	for name, fail := range map[string]func() error{
		"an error": func() error { return down },
		"a panic":  func() error { panic(down) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads := 0
			reading, release := make(chan struct{}), make(chan struct{})
			clients := offboard.NewClients(offboard.WithCredentials(func(string) (string, error) {
				if reads++; reads > 1 {
					return "token", nil
				}
				close(reading)
				<-release
				return "", fail()
			}))
			defer clients.Close()
			first := make(opening, 1)
			go func() {
				defer func() {
					if recover() != nil {
						first <- down
					}
				}()
				_, err := clients.Open(t.Context(), spec)
				first <- err
			}()
			<-reading
			waiting := open(t.Context(), clients, spec)
			time.Sleep(10 * time.Millisecond) // most likely, it waits now
			close(release)
			if err := first.wait(t, "the first call"); !errors.Is(err, down) {
				t.Errorf("the first call: got %v", err)
			}
			// It succeeds if it started after the failure.
			if err := waiting.wait(t, "the waiting call"); err != nil && !errors.Is(err, errors.Unavailable) {
				t.Errorf("the waiting call: got %v", err)
			}
			if err := open(t.Context(), clients, spec).wait(t, "the next call"); err != nil || reads != 2 {
				t.Errorf("the next call: got %v after %d reads", err, reads)
			}
		})
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"katapult", "zitadel", "atlas", "workspace", "volterra"}, offboard.Providers()); diff != "" {
		t.Error(diff)
	}
}

// A program that deletes organizations at any provider.
func ExampleOpen() {
	srv := zitadeltest.NewServer() // in place of the real service
	srv.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	url, client := srv.Endpoint()

	// In a program: offboard.FromEnv(), or a function that reads a secret manager.
	secrets := map[string]string{"ZITADEL_API_URL": url, "ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token}
	get := func(name string) (string, error) { return secrets[name], nil }

	ctx := context.Background()
	o, err := offboard.Open(ctx, offboard.Spec{Provider: "zitadel", Organization: "312909075211944042"},
		offboard.WithCredentials(get), offboard.WithHTTPClient(client))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer o.Close()

	plan, err := o.Plan(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	name := plan.Organization.Name // ask a person to confirm it
	report, err := o.Teardown(ctx, plan, teardown.WithConfirm(name))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(name, report.Outcome)
	// Output: Acme deleted
}

// A program that deletes organizations at several providers, two at a time. The fakes listen on
// loopback, in place of the real services.
func ExampleNewClients() {
	a, z := atlastest.NewServer(), zitadeltest.NewServer()
	a.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme Data"})
	a.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000002", Name: "Globex Data"})
	z.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme Login"})
	secrets := map[string]string{
		"MONGODB_ATLAS_BASE_URL": a.Start(), "MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
		"ZITADEL_API_URL": z.Start(), "ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token,
	}
	defer a.Close()
	defer z.Close()

	// Organizations that are reached in the same way share a client, with its connections and its
	// rate limit. In a program: offboard.FromEnv(), or a function that reads a secret manager.
	clients := offboard.NewClients(offboard.WithCredentials(func(name string) (string, error) { return secrets[name], nil }))
	defer clients.Close()

	ctx := context.Background()
	var jobs []teardown.Job
	names := []string{"Acme Data", "Globex Data", "Acme Login"} // as persons confirmed them
	for i, spec := range []offboard.Spec{
		{Provider: "atlas", Organization: "5e2f00000000000000000001"},
		{Provider: "atlas", Organization: "5e2f00000000000000000002"},
		{Provider: "zitadel", Organization: "312909075211944042"},
	} {
		o, err := clients.Open(ctx, spec)
		if err != nil {
			fmt.Println(err)
			return
		}
		jobs = append(jobs, teardown.Job{Plan: o.Plan, Teardown: o.Teardown, Options: []teardown.Option{teardown.WithConfirm(names[i])}})
	}
	for result := range teardown.RunJobs(ctx, jobs, 2) {
		if result.Err != nil {
			fmt.Println(names[result.Index], result.Err)
			continue
		}
		fmt.Println(names[result.Index], result.Report.Outcome)
	}
	// Unordered output:
	// Acme Data deleted
	// Globex Data deleted
	// Acme Login deleted
}

var _ http.RoundTripper = (*offboardtest.Server)(nil)

func TestAPIVersions(t *testing.T) {
	t.Parallel()
	versions := offboard.APIVersions()
	for _, name := range offboard.Providers() {
		if versions[name] == "" {
			t.Errorf("%s has no version", name)
		}
	}
	if len(versions) != len(offboard.Providers()) || versions["katapult"] != katapult.APIVersion {
		t.Errorf("got %v", versions)
	}
}
