package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// concealing returns a client with a secret as its credential.
func concealing(t *testing.T, server http.RoundTripper, secret string) *rest.Client {
	t.Helper()
	return newClient(t, server, func(c *rest.Config) {
		c.Authorizer = nil
		if err := c.Authorize(func(*http.Client) rest.Authorizer { return bearer(secret) }, secret); err != nil {
			t.Fatal(err)
		}
	})
}

func anything(string) error { return nil }

func TestOwnCredential_Argument(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"s3cret-token", "s3cret/+=&?", `s3cret"\`} {
		for name, change := range map[string]func(*rest.Call){
			"path":         func(c *rest.Call) { c.PathParam("id", "id", secret, anything) },
			"part of path": func(c *rest.Call) { c.PathParam("id", "id", "x"+secret+"y", anything) },
			"query":        func(c *rest.Call) { c.QueryParam("name", "form", true, secret) },
			"header":       func(c *rest.Call) { c.HeaderParam("X-Org", "id", secret, anything) },
			"body":         func(c *rest.Call) { c.Body = map[string]string{"name": strings.Trim(secret, `"\`)} },
			"target":       func(c *rest.Call) { c.Target = secret },
		} {
			if name == "body" && strings.ContainsAny(secret, `"\&`) {
				continue // JSON escapes it
			}
			s := playing(answer(200, `{"id":"x"}`))
			call := get(new(resource))
			call.Path, call.Target = "/resources/{id}", secret
			change(call)
			err := concealing(t, s, secret).Do(t.Context(), call)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument || e.Target != "" || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
			}
			if len(s.requests) != 0 {
				t.Errorf("%s: it was sent", name)
			}
		}
	}
}

// A short secret, and a secret that is a word of the API, cannot be distinguished from other text.
func TestOwnCredential_OrdinaryWord(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"x", "resources"} {
		c := concealing(t, playing(answer(200, `{"id":"x"}`)), secret)
		if err := c.Do(t.Context(), get(new(resource))); err != nil {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestNew_CredentialInOption(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rest.Config){
		"base URL":   func(c *rest.Config) { c.BaseURL = "https://s3cret-token.invalid" },
		"path":       func(c *rest.Config) { c.BaseURL = "https://test.invalid/s3cret-token" },
		"user agent": func(c *rest.Config) { c.UserAgent = "s3cret-token" },
	} {
		config := rest.Config{Provider: "test", BaseURL: "https://test.invalid"}
		if err := config.Authorize(func(*http.Client) rest.Authorizer { return bearer("s3cret-token") }, "s3cret-token"); err != nil {
			t.Fatal(err)
		}
		change(&config)
		if _, err := rest.New(config); !errors.Is(err, errors.InvalidArgument) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
}

func TestTarget_RefusedArgument(t *testing.T) {
	t.Parallel()
	refuse := func(string) error { return errors.New("is refused") }
	for name, test := range map[string]struct {
		change func(*rest.Call)
		want   string
	}{
		"path":            {func(c *rest.Call) { c.PathParam("id", "id", "value", refuse) }, ""},
		"body":            {func(c *rest.Call) { c.Require("id", "value", refuse) }, ""},
		"header":          {func(c *rest.Call) { c.HeaderParam("X-Org", "id", "value", refuse) }, ""},
		"another":         {func(c *rest.Call) { c.Require("name", "other", refuse) }, "value"},
		"PEM":             {func(c *rest.Call) { c.Require("id", "-----BEGIN PRIVATE KEY-----", anything) }, "value"},
		"PEM in a query":  {func(c *rest.Call) { c.QueryParam("q", "form", true, "-----BEGIN PRIVATE KEY-----") }, "value"},
		"JWT":             {func(c *rest.Call) { c.PathParam("id", "id", "eyJhbGciOiJub25lIn0.e30.", anything) }, "value"},
		"a client secret": {func(c *rest.Call) { c.PathParam("id", "id", "mdb_sa_sk_0123456789", anything) }, "value"},
	} {
		s := playing()
		call := get(new(resource))
		call.Path, call.Target = "/resources/{id}", "value"
		test.change(call)
		err := newClient(t, s).Do(t.Context(), call)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.InvalidArgument || e.Target != test.want || len(s.requests) != 0 {
			t.Errorf("%s: got %v, want %q with target %q", name, err, errors.InvalidArgument, test.want)
		}
	}
}

func TestTarget_Shown(t *testing.T) {
	t.Parallel()
	c := newClient(t, playing())
	for target, want := range map[string]bool{
		"":                                                 true,
		"org_O648YDMEYeLmqdmn":                             true, // Katapult
		"312909075212468632":                               true, // Zitadel
		"5f1b0c2e9d3a4b5c6d7e8f90":                         true, // Atlas, Applivery
		"5f1b0c2e9d3a4b5c6d7e8f905f1b0c2e":                 false,
		"1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11":             true, // F5
		"acme-kqzvxwbn":                                    true,
		"ClusterForCustomerAcme2024ProductionEast":         true,
		"MyCompany-Production-Cluster-01-Europe-West":      true,
		"a.very.long.domain.name.of.customer1.example.com": true,
		"/subscriptions/1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11/resourceGroups/acmeProduction1/providers/Microsoft.Network/virtualNetworks/v": true,
		"arn:aws:kms:eu-west-1:123456789012:key/1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11":                                                      true,
		"kQ7mXz2Rv9LwT4bN8cYhP3sJfD6gA1eUoVi5xZqB":                                                                                         false,
		"5ebe2294ecd0e0f08eab7690d2a6ee69a3f1c0d4b7e852960fd1ab34c69e7d20":                                                                 false,
		"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln":                                                                                         false,
		"-----BEGIN RSA PRIVATE KEY-----":                                                                                                  false,
	} {
		if got := c.Shown(target) == target; got != want {
			t.Errorf("%q: shown %t, want %t", target, got, want)
		}
	}
}

// DEL is the one control character that is not below the space.
func TestHeaderValue_DEL(t *testing.T) {
	t.Parallel()
	if err := new(rest.Config).UseUserAgent("acme\x7f"); err == nil {
		t.Error("a user agent with DEL was accepted")
	}
	call := get(new(resource))
	call.HeaderParam("X-Org", "id", "a\x7fb", anything)
	s := playing()
	if err := newClient(t, s).Do(t.Context(), call); !errors.Is(err, errors.InvalidArgument) || len(s.requests) != 0 {
		t.Errorf("a parameter with DEL: got %v", err)
	}
	c := newClient(t, s, func(c *rest.Config) {
		c.Authorizer = func(*http.Client) rest.Authorizer { return bearer("a\x7fb") }
		c.Retry = rest.Retry{MaxAttempts: 1, MaxWait: time.Second}
	})
	if err := c.Do(t.Context(), get(new(resource))); !errors.Is(err, errors.Unauthenticated) || len(s.requests) != 0 {
		t.Errorf("a credential with DEL: got %v", err)
	}
}

func TestUnusable(t *testing.T) {
	t.Parallel()
	c, made := rest.Unusable("test"), newClient(t, playing())
	var none context.Context
	for name, err := range map[string]error{
		"Do":          c.Do(t.Context(), get(new(resource))),
		"Delete":      c.Delete(t.Context(), rest.Deletion{Send: func(ctx context.Context) error { return c.Do(ctx, remove()) }}),
		"Wait":        c.Wait(t.Context(), "Wait", "x", nil),
		"nil context": made.Delete(none, rest.Deletion{Send: func(ctx context.Context) error { return made.Do(ctx, remove()) }}),
	} {
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Provider != "test" {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
	if c.BaseURL().String() != "" || c.Identity() != "" {
		t.Errorf("got %v and %q", c.BaseURL(), c.Identity())
	}
}
