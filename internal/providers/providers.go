// Package providers describes the providers, and the environment variables that their clients
// read.
package providers

import (
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// Provider describes a provider and its environment variables.
type Provider struct {
	Name, alias string   // as in offboard.Spec.Provider
	Environment string   // for the help texts
	Variables   []string // variables that a manifest can replace
	Others      []string // other variables that the client reads
	Prefixes    []string // prefixes of the variables of the provider's tools
	Files       []string // variables that name a file
}

// F5 is the name of the provider whose organizations are tenants. Their deletion requires
// the email address of an account.
const F5 = "volterra"

// All lists the providers in the order of the help texts.
var All = []Provider{
	{
		Name: "katapult", Environment: "KATAPULT_API_KEY",
		Variables: []string{"KATAPULT_API_KEY"}, Prefixes: []string{"KATAPULT_"},
	},
	{
		Name: "zitadel", Environment: "ZITADEL_API_URL and ZITADEL_SERVICE_USER_TOKEN or ZITADEL_KEY_PATH",
		Variables: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, Others: []string{"ZITADEL_API_URL"},
		Prefixes: []string{"ZITADEL_"}, Files: []string{"ZITADEL_KEY_PATH"},
	},
	{
		Name: "atlas", Environment: "MONGODB_ATLAS_CLIENT_ID and _CLIENT_SECRET, or _PUBLIC_KEY and _PRIVATE_KEY",
		Variables: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"},
		Others:    []string{"MONGODB_ATLAS_BASE_URL"}, Prefixes: []string{"MONGODB_ATLAS_"},
	},
	{
		Name: "workspace", alias: "applivery", Environment: "APPLIVERY_API_TOKEN",
		Variables: []string{"APPLIVERY_API_TOKEN"}, Prefixes: []string{"APPLIVERY_"},
	},
	{
		Name: F5, alias: "f5", Environment: "F5XC_API_URL and F5XC_API_TOKEN, or a certificate: F5XC_P12_FILE, VOLT_API_P12_FILE, …",
		Variables: []string{"F5XC_API_TOKEN", "F5XC_P12_FILE", "F5XC_P12_PASSWORD"},
		Others: []string{
			"F5XC_API_URL", "VOLT_API_URL", "VOLT_API_P12_FILE", "VES_P12_CONTENT", "VES_P12_PASSWORD",
			"VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT",
		},
		Prefixes: []string{"F5XC_", "VOLT_", "VES_"},
		Files:    []string{"F5XC_P12_FILE", "VOLT_API_P12_FILE", "VOLT_API_CERT", "VOLT_API_KEY", "VOLT_API_CA_CERT"},
	},
}

// Name returns the name of a provider for its alias, and any other text unchanged.
func Name(text string) string {
	for _, p := range All {
		if text != "" && text == p.alias {
			return p.Name
		}
	}
	return text
}

// BaseURLVariable returns the variable with the base URL of a provider. It applies to check,
// to delete, and to entries of a manifest without base_url.
func BaseURLVariable(provider string) string {
	return ownPrefix + strings.ToUpper(provider) + "_BASE_URL"
}

// Accepted returns the name and the alias, as people read them.
func (p Provider) Accepted() string {
	if p.alias == "" {
		return p.Name
	}
	return p.Name + " (or " + p.alias + ")"
}

// vendors maps names of vendors and products to the name of the provider.
var vendors = map[string]string{
	"mongodb": "atlas", "mongodb atlas": "atlas", "mongodb-atlas": "atlas", "krystal": "katapult",
	"f5xc": F5, "f5-xc": F5, "xc": F5, "f5 distributed cloud": F5,
}

// Unknown returns the error of a provider that the program does not know. It suggests the
// name that the text most probably means, and does not repeat the text, which may be a secret.
func Unknown(text string) error {
	var known []string
	for _, p := range All {
		known = append(known, p.Accepted())
	}
	hint := spelling.Hint(text, Names())
	if name := vendors[strings.ToLower(text)]; name != "" {
		hint = "; did you mean " + name + "?"
	}
	return errors.New("unknown provider: use one of " + strings.Join(known, ", ") + hint)
}

// Names returns the names and the aliases of all providers.
func Names() []string {
	var names []string
	for _, p := range All {
		names = append(names, p.Name)
		if p.alias != "" {
			names = append(names, p.alias)
		}
	}
	return names
}
