package offboard

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// provider is one provider: its names, the credentials that its client reads, and how its
// client is made.
type provider struct {
	name, alias string
	apiVersion  string

	// credentials are the names that [Spec.Credentials] can replace, by credential. The first
	// one names the credential; the others complete it.
	credentials [][]string

	// addresses are the names of the base URL among the names that the client reads. They are
	// not read if [Spec.BaseURL] is set.
	addresses []string

	id      rest.Check // of the organization's ID
	request bool       // a deletion takes Email, Reason and Feedback
	connect func(*settings, Spec) (client, error)
}

func providers() []provider {
	return []provider{
		{name: "katapult", apiVersion: katapult.APIVersion, id: rest.Opaque, credentials: [][]string{{"KATAPULT_API_KEY"}}, connect: connectKatapult},
		{
			name: "zitadel", apiVersion: zitadel.APIVersion, id: rest.Opaque,
			credentials: [][]string{{"ZITADEL_SERVICE_USER_TOKEN"}, {"ZITADEL_KEY_PATH"}}, addresses: []string{"ZITADEL_API_URL"}, connect: connectZitadel,
		},
		{
			name: "atlas", apiVersion: atlas.APIVersion, id: rest.Hex24,
			credentials: [][]string{
				{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET"}, {"MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
			},
			addresses: []string{"MONGODB_ATLAS_BASE_URL"}, connect: connectAtlas,
		},
		{name: "workspace", apiVersion: workspace.APIVersion, id: rest.Slug, alias: "applivery", credentials: [][]string{{"APPLIVERY_API_TOKEN"}}, connect: connectWorkspace},
		{
			name: "volterra", alias: "f5", apiVersion: volterra.APIVersion, id: anyID, request: true,
			credentials: [][]string{
				{"F5XC_API_TOKEN"}, {"F5XC_P12_FILE", "F5XC_P12_PASSWORD"}, {"VOLT_API_P12_FILE", "VES_P12_PASSWORD"},
				{"VES_P12_CONTENT", "VES_P12_PASSWORD"}, {"VOLT_API_CERT", "VOLT_API_KEY"},
			},
			addresses: []string{"F5XC_API_URL", "VOLT_API_URL"}, connect: connectVolterra,
		},
	}
}

// providerOf returns the provider of a name or an alias.
func providerOf(name string) (provider, bool) {
	for _, p := range providers() {
		if name != "" && (name == p.name || name == p.alias) {
			return p, true
		}
	}
	return provider{}, false
}

// acceptedNames lists the names of all providers and their aliases.
func acceptedNames() string {
	var names []string
	for _, p := range providers() {
		name := p.name
		if p.alias != "" {
			name += " (or " + p.alias + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// check refuses a spec that cannot be of this provider.
func (p provider) check(s Spec) error {
	switch {
	case strings.TrimSpace(s.Organization) == "":
		return errors.New("Spec.Organization is empty")
	case p.request && s.Email == "":
		return errors.New("Spec.Email is empty: a request for the deletion of a tenant needs it")
	case !p.request && (s.Email != "" || s.Reason != "" || s.Feedback != ""):
		return errors.New("Spec.Email, Reason and Feedback belong to volterra only")
	}
	known := slices.Concat(p.credentials...)
	for _, name := range slices.Sorted(maps.Keys(s.Credentials)) {
		switch {
		case !slices.Contains(known, name): // the name may be a secret
			return fmt.Errorf("unknown name in Spec.Credentials; use one of %s", strings.Join(known, ", "))
		case s.Credentials[name] == "":
			return fmt.Errorf("Spec.Credentials has no name for %s", name)
		}
	}
	if len(s.Credentials) > 0 && !slices.ContainsFunc(p.credentials, s.has) {
		var first []string
		for _, credential := range p.credentials {
			first = append(first, credential[0])
		}
		return fmt.Errorf("Spec.Credentials must name one of %s", strings.Join(first, ", "))
	}
	return nil
}

// validate refuses what the methods of an organization of the spec refuse before a request. The texts
// follow the terms of a manifest.
func (p provider) validate(s Spec) error {
	if err := rest.Verify(s.Organization, p.id); err != nil {
		return fmt.Errorf("organization %w", err)
	}
	if s.BaseURL != "" {
		if _, err := rest.ParseBase(s.BaseURL, true); err != nil {
			return err
		}
	}
	if !p.request {
		return nil
	}
	err := s.tenantRequest().Validate()
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.Err
	}
	return err
}

// anyID is the check of an ID that no rule restricts.
func anyID(string) error { return nil }

// tenantRequest returns the request for the deletion of an F5 tenant.
func (s Spec) tenantRequest() volterra.DeleteTenantRequest {
	return volterra.DeleteTenantRequest{
		Name: s.Organization, Email: s.Email, Reason: volterra.DeletionReason(s.Reason), Feedback: s.Feedback,
	}
}

// has reports whether the spec names a credential.
func (s Spec) has(credential []string) bool { return s.Credentials[credential[0]] != "" }

// values returns the function for the credentials of a spec. A name that the spec replaces is
// read by its other name. If the spec replaces any, credentials that it does not name have no
// values.
func (s Spec) values(p provider, get func(string) (string, error)) func(string) (string, error) {
	return func(name string) (string, error) {
		if s.BaseURL != "" && slices.Contains(p.addresses, name) {
			return s.BaseURL, nil
		}
		if other := s.Credentials[name]; other != "" {
			value, err := get(other)
			if err == nil && value == "" {
				err = auth.NotSet(fmt.Sprintf("%s is not set: it is named in place of %s", other, name))
			}
			return value, err
		}
		of := func(credential []string) bool { return slices.Contains(credential, name) }
		if len(s.Credentials) > 0 && slices.ContainsFunc(p.credentials, of) &&
			!slices.ContainsFunc(p.credentials, func(credential []string) bool { return of(credential) && s.has(credential) }) {
			return "", nil
		}
		return get(name)
	}
}

// constructors are the options that all providers share.
type constructors[O any] struct {
	credentials func(func(string) (string, error)) O
	baseURL     func(string) O
	httpClient  func(*http.Client) O
	logger      func(*slog.Logger) O
	observer    func(observe.Observer) O
	plainHTTP   func() O
	userAgent   func(string) O
	retry       func(Retry) O
	rateLimit   func(RateLimit) O
	limiter     func(Limiter) O
}

// options makes the options of a client.
func (c constructors[O]) options(provider string, s *settings, spec Spec) []O {
	p, _ := providerOf(provider)
	options := []O{c.credentials(spec.values(p, s.credentials))}
	if spec.BaseURL != "" { // after the credentials, which may name an address
		options = append(options, c.baseURL(spec.BaseURL))
	}
	if s.httpClient != nil {
		options = append(options, c.httpClient(s.httpClient))
	}
	if s.logger != nil {
		options = append(options, c.logger(s.logger))
	}
	if !s.observer.IsZero() {
		options = append(options, c.observer(s.observer))
	}
	if s.plainHTTP {
		options = append(options, c.plainHTTP())
	}
	if s.userAgent != "" {
		options = append(options, c.userAgent(s.userAgent))
	}
	if s.retry != nil {
		options = append(options, c.retry(*s.retry))
	}
	if s.rateLimit != nil {
		options = append(options, c.rateLimit(*s.rateLimit))
	}
	if s.limiter != nil {
		of := Spec{Provider: provider, BaseURL: spec.BaseURL, Credentials: maps.Clone(spec.Credentials)}
		options = append(options, c.limiter(s.limiter(of)))
	}
	return options
}

// byID is an organization whose client takes an I for it in all methods.
type byID[I any] struct {
	client interface {
		Identify(context.Context, I) (teardown.Organization, error)
		CheckDeletion(context.Context, I) error
		Plan(context.Context, I) (*teardown.Plan, error)
		Teardown(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
		Driver(*teardown.Plan) (teardown.Driver, error)
	}
	id     I
	remove func(context.Context, I) error
}

func (o byID[I]) identify(ctx context.Context) (teardown.Organization, error) {
	return o.client.Identify(ctx, o.id)
}

func (o byID[I]) check(ctx context.Context) error { return o.client.CheckDeletion(ctx, o.id) }

func (o byID[I]) plan(ctx context.Context) (*teardown.Plan, error) { return o.client.Plan(ctx, o.id) }

func (o byID[I]) driver(p *teardown.Plan) (teardown.Driver, error) { return o.client.Driver(p) }

func (o byID[I]) teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return o.client.Teardown(ctx, p, options...)
}

func (o byID[I]) delete(ctx context.Context) error { return o.remove(ctx, o.id) }

func connectKatapult(s *settings, spec Spec) (client, error) {
	c, err := katapult.New(constructors[katapult.Option]{
		katapult.WithCredentials, katapult.WithBaseURL, katapult.WithHTTPClient, katapult.WithLogger, katapult.WithObserver, katapult.WithPlainHTTP,
		katapult.WithUserAgent,
		func(r Retry) katapult.Option { return katapult.WithRetry(katapult.Retry(r)) },
		func(l RateLimit) katapult.Option { return katapult.WithRateLimit(katapult.RateLimit(l)) },
		func(l Limiter) katapult.Option { return katapult.WithLimiter(l) },
	}.options("katapult", s, spec)...)
	if err != nil {
		return client{}, err
	}
	return client{func(spec Spec) organization {
		return byID[katapult.OrganizationLookup]{c, katapultLookup(spec.Organization), c.DeleteOrganization}
	}, c.Close}, nil
}

// katapultLookup returns how an organization is looked up: IDs begin with "org_".
func katapultLookup(organization string) katapult.OrganizationLookup {
	if strings.HasPrefix(organization, "org_") {
		return katapult.ID(organization)
	}
	return katapult.Subdomain(organization)
}

func connectZitadel(s *settings, spec Spec) (client, error) {
	c, err := zitadel.New(constructors[zitadel.Option]{
		zitadel.WithCredentials, zitadel.WithBaseURL, zitadel.WithHTTPClient, zitadel.WithLogger, zitadel.WithObserver, zitadel.WithPlainHTTP,
		zitadel.WithUserAgent,
		func(r Retry) zitadel.Option { return zitadel.WithRetry(zitadel.Retry(r)) },
		func(l RateLimit) zitadel.Option { return zitadel.WithRateLimit(zitadel.RateLimit(l)) },
		func(l Limiter) zitadel.Option { return zitadel.WithLimiter(l) },
	}.options("zitadel", s, spec)...)
	if err != nil {
		return client{}, err
	}
	remove := func(ctx context.Context, id string) error {
		_, err := c.DeleteOrganization(ctx, id)
		return err
	}
	return client{func(spec Spec) organization { return byID[string]{c, spec.Organization, remove} }, c.Close}, nil
}

func connectAtlas(s *settings, spec Spec) (client, error) {
	c, err := atlas.New(constructors[atlas.Option]{
		atlas.WithCredentials, atlas.WithBaseURL, atlas.WithHTTPClient, atlas.WithLogger, atlas.WithObserver, atlas.WithPlainHTTP,
		atlas.WithUserAgent,
		func(r Retry) atlas.Option { return atlas.WithRetry(atlas.Retry(r)) },
		func(l RateLimit) atlas.Option { return atlas.WithRateLimit(atlas.RateLimit(l)) },
		func(l Limiter) atlas.Option { return atlas.WithLimiter(l) },
	}.options("atlas", s, spec)...)
	if err != nil {
		return client{}, err
	}
	return client{func(spec Spec) organization { return byID[string]{c, spec.Organization, c.DeleteOrganization} }, c.Close}, nil
}

func connectWorkspace(s *settings, spec Spec) (client, error) {
	c, err := workspace.New(constructors[workspace.Option]{
		workspace.WithCredentials, workspace.WithBaseURL, workspace.WithHTTPClient, workspace.WithLogger, workspace.WithObserver, workspace.WithPlainHTTP,
		workspace.WithUserAgent,
		func(r Retry) workspace.Option { return workspace.WithRetry(workspace.Retry(r)) },
		func(l RateLimit) workspace.Option { return workspace.WithRateLimit(workspace.RateLimit(l)) },
		func(l Limiter) workspace.Option { return workspace.WithLimiter(l) },
	}.options("workspace", s, spec)...)
	if err != nil {
		return client{}, err
	}
	return client{func(spec Spec) organization { return byID[string]{c, spec.Organization, c.DeleteOrganization} }, c.Close}, nil
}

func connectVolterra(s *settings, spec Spec) (client, error) {
	c, err := volterra.New(constructors[volterra.Option]{
		volterra.WithCredentials, volterra.WithBaseURL, volterra.WithHTTPClient, volterra.WithLogger, volterra.WithObserver, volterra.WithPlainHTTP,
		volterra.WithUserAgent,
		func(r Retry) volterra.Option { return volterra.WithRetry(volterra.Retry(r)) },
		func(l RateLimit) volterra.Option { return volterra.WithRateLimit(volterra.RateLimit(l)) },
		func(l Limiter) volterra.Option { return volterra.WithLimiter(l) },
	}.options("volterra", s, spec)...)
	if err != nil {
		return client{}, err
	}
	return client{func(spec Spec) organization { return atVolterra{c, spec.tenantRequest()} }, c.Close}, nil
}

type atVolterra struct {
	*volterra.Client
	request volterra.DeleteTenantRequest
}

func (o atVolterra) identify(ctx context.Context) (teardown.Organization, error) {
	return o.Identify(ctx, o.request.Name)
}

func (o atVolterra) check(ctx context.Context) error { return o.CheckDeletion(ctx, o.request) }

func (o atVolterra) plan(ctx context.Context) (*teardown.Plan, error) { return o.Plan(ctx, o.request) }

func (o atVolterra) driver(p *teardown.Plan) (teardown.Driver, error) { return o.Driver(p, o.request) }

func (o atVolterra) teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return o.Teardown(ctx, p, o.request, options...)
}

func (o atVolterra) delete(ctx context.Context) error { return o.DeleteTenant(ctx, o.request) }
