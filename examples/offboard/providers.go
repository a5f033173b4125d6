package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// organization is one organization at any of the providers.
type organization interface {
	// Identify reads the ID and the name.
	Identify(context.Context) (teardown.Organization, error)

	// Check returns an error if something blocks the deletion.
	Check(context.Context) error

	// Delete deletes the organization.
	Delete(context.Context) error

	// Done returns the meaning of a nil error of Delete.
	Done() string

	// Plan plans the removal of all blockers. Teardown applies a plan.
	Plan(context.Context) (*teardown.Plan, error)
	Teardown(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// access is the configuration of a client.
type access struct {
	baseURL     string
	credentials map[string]string // see [entry]
	log         *slog.Logger
}

// variable reads an environment variable, or the one that replaces it. A password may be
// empty unless a variable replaces the usual one.
func (a access) variable(name string) (string, error) {
	from := cmp.Or(a.credentials[name], name)
	value := os.Getenv(from)
	if value == "" && (from != name || !strings.HasSuffix(name, "_PASSWORD")) {
		return "", notSet(from, name)
	}
	return value, nil
}

// credential returns the option of a credential that the manifest names: the first kind
// whose first variable is replaced.
func credential[O any](a access, kinds ...kind[O]) (O, error) {
	for _, k := range kinds {
		if a.credentials[k.names[0]] == "" {
			continue
		}
		values := make([]string, len(k.names))
		for i, name := range k.names {
			var err error
			if values[i], err = a.variable(name); err != nil {
				return *new(O), err
			}
		}
		return k.option(values), nil
	}
	return *new(O), errors.New("credentials must name one of " + list(namesOf(kinds)))
}

// kind is a kind of credential: its variables, and the option that takes their values.
type kind[O any] struct {
	names  []string
	option func(values []string) O
}

func namesOf[O any](kinds []kind[O]) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.names[0])
	}
	return names
}

// provider describes a provider and its environment variables.
type provider struct {
	name        string
	environment string   // for the help texts
	variables   []string // variables that a manifest can replace
	others      []string // other variables that the client reads
	prefixes    []string // prefixes of the variables of the provider's tools
	files       []string // variables that name a file
	connect     func(access) (func(entry) organization, error)
}

// f5 is the name of the provider whose organizations are tenants. Their deletion requires
// the email address of an account.
const f5 = "volterra"

var providers = []provider{
	{
		name: "katapult", environment: "KATAPULT_API_KEY; ORG is org_… or a subdomain",
		variables: []string{"KATAPULT_API_KEY"}, prefixes: []string{"KATAPULT_"}, connect: connectKatapult,
	},
	{
		name: "zitadel", environment: "ZITADEL_API_URL and ZITADEL_SERVICE_USER_TOKEN or ZITADEL_KEY_PATH",
		variables: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, others: []string{"ZITADEL_API_URL"},
		prefixes: []string{"ZITADEL_"}, files: []string{"ZITADEL_KEY_PATH"}, connect: connectZitadel,
	},
	{
		name: "atlas", environment: "MONGODB_ATLAS_CLIENT_ID and _CLIENT_SECRET, or _PUBLIC_KEY and _PRIVATE_KEY",
		variables: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
		others:    []string{"MONGODB_ATLAS_BASE_URL"}, prefixes: []string{"MONGODB_ATLAS_"}, connect: connectAtlas,
	},
	{
		name: "workspace", environment: "APPLIVERY_API_TOKEN; ORG is an ID or a slug",
		variables: []string{"APPLIVERY_API_TOKEN"}, prefixes: []string{"APPLIVERY_"}, connect: connectApplivery,
	},
	{
		name: f5, environment: "F5XC_API_URL and F5XC_API_TOKEN, or a certificate: F5XC_P12_FILE, VOLT_API_P12_FILE, …",
		variables: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD"},
		others: []string{
			"F5XC_API_URL", "VOLT_API_URL", "VOLT_API_P12_FILE", "VES_P12_CONTENT", "VES_P12_PASSWORD",
			"VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT",
		},
		prefixes: []string{"F5XC_", "VOLT_", "VES_"},
		files:    []string{"F5XC_P12_FILE", "VOLT_API_P12_FILE", "VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT"}, connect: connectF5,
	},
}

func connectKatapult(a access) (func(entry) organization, error) {
	options := []katapult.Option{katapult.FromEnv()}
	if len(a.credentials) > 0 {
		option, err := credential(a, kind[katapult.Option]{[]string{"KATAPULT_API_KEY"}, func(v []string) katapult.Option { return katapult.WithToken(v[0]) }})
		if err != nil {
			return nil, err
		}
		options = []katapult.Option{option}
	}
	if a.baseURL != "" {
		options = append(options, katapult.WithBaseURL(a.baseURL))
	}
	c, err := katapult.New(append(options, katapult.WithLogger(a.log))...)
	return func(e entry) organization { return atKatapult{c, lookupKatapult(e.Organization)} }, err
}

func connectZitadel(a access) (func(entry) organization, error) {
	options := []zitadel.Option{zitadel.FromEnv()}
	if len(a.credentials) > 0 {
		option, err := credential(a,
			kind[zitadel.Option]{[]string{"ZITADEL_SERVICE_USER_TOKEN"}, func(v []string) zitadel.Option { return zitadel.WithToken(v[0]) }},
			kind[zitadel.Option]{[]string{"ZITADEL_KEY_PATH"}, func(v []string) zitadel.Option { return zitadel.WithKeyFile(v[0]) }})
		if err != nil {
			return nil, err
		}
		options = []zitadel.Option{option, zitadel.WithBaseURL(os.Getenv("ZITADEL_API_URL"))}
	}
	if a.baseURL != "" {
		options = append(options, zitadel.WithBaseURL(a.baseURL))
	}
	c, err := zitadel.New(append(options, zitadel.WithLogger(a.log))...)
	return func(e entry) organization { return atZitadel{c, e.Organization} }, err
}

func connectAtlas(a access) (func(entry) organization, error) {
	options := []atlas.Option{atlas.FromEnv()}
	if len(a.credentials) > 0 {
		option, err := credential(a,
			kind[atlas.Option]{
				[]string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET"},
				func(v []string) atlas.Option { return atlas.WithServiceAccount(v[0], v[1]) },
			},
			kind[atlas.Option]{
				[]string{"MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
				func(v []string) atlas.Option { return atlas.WithAPIKey(v[0], v[1]) },
			})
		if err != nil {
			return nil, err
		}
		options = []atlas.Option{option}
		if a.baseURL == "" { // as FromEnv does
			a.baseURL = os.Getenv("MONGODB_ATLAS_BASE_URL")
		}
	}
	if a.baseURL != "" {
		options = append(options, atlas.WithBaseURL(a.baseURL))
	}
	c, err := atlas.New(append(options, atlas.WithLogger(a.log))...)
	return func(e entry) organization { return atAtlas{c, e.Organization} }, err
}

func connectApplivery(a access) (func(entry) organization, error) {
	options := []workspace.Option{workspace.FromEnv()}
	if len(a.credentials) > 0 {
		option, err := credential(a, kind[workspace.Option]{[]string{"APPLIVERY_API_TOKEN"}, func(v []string) workspace.Option { return workspace.WithToken(v[0]) }})
		if err != nil {
			return nil, err
		}
		options = []workspace.Option{option}
	}
	if a.baseURL != "" {
		options = append(options, workspace.WithBaseURL(a.baseURL))
	}
	c, err := workspace.New(append(options, workspace.WithLogger(a.log))...)
	return func(e entry) organization { return atApplivery{c, e.Organization} }, err
}

func connectF5(a access) (func(entry) organization, error) {
	options := []volterra.Option{volterra.FromEnv()}
	if len(a.credentials) > 0 {
		option, err := credential(a,
			kind[volterra.Option]{[]string{"F5XC_API_TOKEN"}, func(v []string) volterra.Option { return volterra.WithAPIToken(v[0]) }},
			kind[volterra.Option]{[]string{"F5XC_P12_FILE", "F5XC_P12_PASSWORD"}, func(v []string) volterra.Option { return volterra.WithP12File(v[0], v[1]) }})
		if err != nil {
			return nil, err
		}
		options = []volterra.Option{option, volterra.WithBaseURL(os.Getenv("F5XC_API_URL"))}
	}
	if a.baseURL != "" {
		options = append(options, volterra.WithBaseURL(a.baseURL))
	}
	c, err := volterra.New(append(options, volterra.WithLogger(a.log))...)
	return func(e entry) organization {
		return atF5{c, volterra.DeleteTenantRequest{
			Name: e.Organization, Email: e.Email, Reason: volterra.DeletionReason(e.Reason), Feedback: e.Feedback,
		}}
	}, err
}

// connector returns the organization of an entry at its provider.
type connector func(entry) (organization, error)

// baseURLVariable returns the variable with the base URL of a provider. It applies to check,
// to delete, and to entries of a manifest without base_url.
func baseURLVariable(provider string) string {
	return ownPrefix + strings.ToUpper(provider) + "_BASE_URL"
}

// connect returns a connector that creates one client per connection, so that organizations
// of one connection share its rate limiter.
func connect(log *slog.Logger) connector {
	clients := map[string]func(entry) organization{}
	return func(e entry) (organization, error) {
		i := slices.IndexFunc(providers, func(p provider) bool { return p.name == e.Provider })
		switch {
		case i < 0:
			return nil, unknownProvider()
		case e.Provider == f5 && e.Email == "":
			return nil, errors.New("volterra requires --email ADDRESS, the email address of the account to delete")
		}
		if fault := e.variableFault(providers[i]); fault != nil {
			return nil, fault
		}
		key := e.connection()
		if clients[key] == nil {
			baseURL := cmp.Or(e.BaseURL, os.Getenv(baseURLVariable(e.Provider)))
			open, err := providers[i].connect(access{baseURL, e.Credentials, log})
			if err != nil {
				return nil, err
			}
			clients[key] = open
		}
		return clients[key](e), nil
	}
}

func unknownProvider() error {
	var known []string
	for _, p := range providers {
		known = append(known, p.name)
	}
	return errors.New("unknown provider: use one of " + list(known))
}

// lookupKatapult returns a lookup by ID, or by subdomain if the text does not start with
// "org_".
func lookupKatapult(id string) katapult.OrganizationLookup {
	if strings.HasPrefix(id, "org_") {
		return katapult.ID(id)
	}
	return katapult.Subdomain(id)
}

type atKatapult struct {
	*katapult.Client
	organization katapult.OrganizationLookup
}

func (o atKatapult) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := o.GetOrganization(ctx, o.organization)
	if err != nil {
		return teardown.Organization{}, err
	}
	return teardown.Organization{ID: found.ID, Name: found.Name}, nil
}

func (o atKatapult) Check(ctx context.Context) error { return o.CheckDeletion(ctx, o.organization) }
func (o atKatapult) Delete(ctx context.Context) error {
	return o.DeleteOrganization(ctx, o.organization)
}
func (atKatapult) Done() string { return "deleted" }

func (o atKatapult) Plan(ctx context.Context) (*teardown.Plan, error) {
	return o.Client.Plan(ctx, o.organization)
}

type atZitadel struct {
	*zitadel.Client
	id string
}

func (o atZitadel) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return teardown.Organization{}, err
	}
	return teardown.Organization{ID: found.ID, Name: found.Name}, nil
}

func (o atZitadel) Check(ctx context.Context) error { return o.CheckDeletion(ctx, o.id) }

func (o atZitadel) Delete(ctx context.Context) error {
	_, err := o.DeleteOrganization(ctx, o.id)
	return err
}

func (atZitadel) Done() string { return "deleted" }

func (o atZitadel) Plan(ctx context.Context) (*teardown.Plan, error) { return o.Client.Plan(ctx, o.id) }

type atAtlas struct {
	*atlas.Client
	id string
}

func (o atAtlas) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return teardown.Organization{}, err
	}
	return teardown.Organization{ID: found.ID, Name: found.Name}, nil
}

func (o atAtlas) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.id) }
func (o atAtlas) Delete(ctx context.Context) error { return o.DeleteOrganization(ctx, o.id) }
func (atAtlas) Done() string                       { return "deleted" }

func (o atAtlas) Plan(ctx context.Context) (*teardown.Plan, error) { return o.Client.Plan(ctx, o.id) }

type atApplivery struct {
	*workspace.Client
	id string
}

func (o atApplivery) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return teardown.Organization{}, err
	}
	return teardown.Organization{ID: found.ID, Name: found.Name}, nil
}

func (o atApplivery) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.id) }
func (o atApplivery) Delete(ctx context.Context) error { return o.DeleteOrganization(ctx, o.id) }
func (atApplivery) Done() string                       { return "deleted" }

func (o atApplivery) Plan(ctx context.Context) (*teardown.Plan, error) {
	return o.Client.Plan(ctx, o.id)
}

type atF5 struct {
	*volterra.Client
	request volterra.DeleteTenantRequest
}

func (o atF5) Identify(ctx context.Context) (teardown.Organization, error) {
	found, err := o.GetTenantSettings(ctx)
	if err != nil {
		return teardown.Organization{}, err
	}
	if found.Name != o.request.Name { // the credential reaches its own tenant only
		return teardown.Organization{}, &errors.Error{
			Provider: f5, Operation: "GetTenantSettings", Target: o.request.Name, Code: errors.NotConfirmed,
			Err: fmt.Errorf("the credential belongs to the tenant %q", found.Name),
		}
	}
	return teardown.Organization{ID: found.Name, Name: found.Name}, nil
}

func (o atF5) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.request) }
func (o atF5) Delete(ctx context.Context) error { return o.DeleteTenant(ctx, o.request) }
func (atF5) Done() string                       { return "pending: in the deletion queue" }

func (o atF5) Plan(ctx context.Context) (*teardown.Plan, error) { return o.Client.Plan(ctx, o.request) }

func (o atF5) Teardown(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
	return o.Client.Teardown(ctx, p, o.request, options...)
}
