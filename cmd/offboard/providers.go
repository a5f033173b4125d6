package main

import (
	"github.com/offboard-dev/offboard-go"

	"cmp"
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// organization is one organization at any of the providers.
type organization interface {
	// Identify reads the ID and the name.
	Identify(context.Context) (teardown.Organization, error)

	// Check returns an error if something blocks the deletion.
	Check(context.Context) error

	// Delete deletes the organization.
	Delete(context.Context) error

	// Plan plans the removal of all blockers. Teardown applies a plan.
	Plan(context.Context) (*teardown.Plan, error)
	Teardown(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// deletedText returns the meaning of a nil error of Delete.
func deletedText(provider string) string {
	if provider == f5 {
		return "pending: in the deletion queue"
	}
	return "deleted"
}

// provider describes a provider and its environment variables.
type provider struct {
	name, alias string   // as in offboard.Spec.Provider
	environment string   // for the help texts
	variables   []string // variables that a manifest can replace
	others      []string // other variables that the client reads
	prefixes    []string // prefixes of the variables of the provider's tools
	files       []string // variables that name a file
}

// f5 is the name of the provider whose organizations are tenants. Their deletion requires
// the email address of an account.
const f5 = "volterra"

var providers = []provider{
	{
		name: "katapult", environment: "KATAPULT_API_KEY",
		variables: []string{"KATAPULT_API_KEY"}, prefixes: []string{"KATAPULT_"},
	},
	{
		name: "zitadel", environment: "ZITADEL_API_URL and ZITADEL_SERVICE_USER_TOKEN or ZITADEL_KEY_PATH",
		variables: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, others: []string{"ZITADEL_API_URL"},
		prefixes: []string{"ZITADEL_"}, files: []string{"ZITADEL_KEY_PATH"},
	},
	{
		name: "atlas", environment: "MONGODB_ATLAS_CLIENT_ID and _CLIENT_SECRET, or _PUBLIC_KEY and _PRIVATE_KEY",
		variables: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
		others:    []string{"MONGODB_ATLAS_BASE_URL"}, prefixes: []string{"MONGODB_ATLAS_"},
	},
	{
		name: "workspace", alias: "applivery", environment: "APPLIVERY_API_TOKEN",
		variables: []string{"APPLIVERY_API_TOKEN"}, prefixes: []string{"APPLIVERY_"},
	},
	{
		name: f5, alias: "f5", environment: "F5XC_API_URL and F5XC_API_TOKEN, or a certificate: F5XC_P12_FILE, VOLT_API_P12_FILE, …",
		variables: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD"},
		others: []string{
			"F5XC_API_URL", "VOLT_API_URL", "VOLT_API_P12_FILE", "VES_P12_CONTENT", "VES_P12_PASSWORD",
			"VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT",
		},
		prefixes: []string{"F5XC_", "VOLT_", "VES_"},
		files:    []string{"F5XC_P12_FILE", "VOLT_API_P12_FILE", "VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT"},
	},
}

// providerName returns the name of a provider for its alias, and any other text unchanged.
func providerName(text string) string {
	for _, p := range providers {
		if text != "" && text == p.alias {
			return p.name
		}
	}
	return text
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
	clients := offboard.NewClients(offboard.FromEnv(), offboard.WithLogger(log))
	return func(e entry) (organization, error) {
		i := slices.IndexFunc(providers, func(p provider) bool { return p.name == e.Provider })
		switch {
		case i < 0:
			return nil, unknownProvider()
		case e.Provider == f5 && e.Email == "":
			return nil, errors.New("volterra requires --email ADDRESS, the email address of the account to delete")
		}
		if fault := providers[i].variableFault(e.Credentials); fault != nil {
			return nil, fault
		}
		spec := specOf(e)
		spec.BaseURL = cmp.Or(e.BaseURL, os.Getenv(baseURLVariable(e.Provider)))
		return clients.Open(context.Background(), spec)
	}
}

// specOf returns an entry as the library takes it.
func specOf(e entry) offboard.Spec {
	return offboard.Spec{
		Provider: e.Provider, Organization: e.Organization, BaseURL: e.BaseURL, Credentials: e.Credentials,
		Email: e.Email, Reason: e.Reason, Feedback: e.Feedback,
	}
}

// accepted returns the name and the alias, as people read them.
func (p provider) accepted() string {
	if p.alias == "" {
		return p.name
	}
	return p.name + " (or " + p.alias + ")"
}

func unknownProvider() error {
	var known []string
	for _, p := range providers {
		known = append(known, p.accepted())
	}
	return errors.New("unknown provider: use one of " + list(known))
}
