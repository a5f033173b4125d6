package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// organization is one organization at one provider, the same for all.
type organization interface {
	// Name returns what the provider calls it.
	Name(context.Context) (string, error)

	// Check returns what stands in the way of its deletion.
	Check(context.Context) error

	// Delete deletes it.
	Delete(context.Context) error

	// Done says what a nil error of Delete means.
	Done() string
}

// settings are what flags set.
type settings struct {
	email   string // of volterra only
	verbose bool
	log     io.Writer // where to, when verbose
}

// logger logs what is sent and waited for, when that is asked for.
func (s settings) logger() *slog.Logger {
	if !s.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// provider makes an organization of its id, with credentials from the
// environment.
type provider struct {
	name        string
	environment string
	open        func(id string, s settings) (organization, error)
}

var providers = []provider{
	{"katapult", "KATAPULT_API_KEY; ORG is org_… or a sub domain", func(id string, s settings) (organization, error) {
		c, err := katapult.New(katapult.FromEnv(), katapult.WithLogger(s.logger()))
		if err != nil {
			return nil, err
		}
		return atKatapult{c, lookup(id)}, nil
	}},
	{"zitadel", "ZITADEL_API_URL and ZITADEL_SERVICE_USER_TOKEN or ZITADEL_KEY_PATH", func(id string, s settings) (organization, error) {
		c, err := zitadel.New(zitadel.FromEnv(), zitadel.WithLogger(s.logger()))
		if err != nil {
			return nil, err
		}
		return atZitadel{c, id}, nil
	}},
	{"atlas", "MONGODB_ATLAS_CLIENT_ID and _CLIENT_SECRET, or _PUBLIC_KEY and _PRIVATE_KEY", func(id string, s settings) (organization, error) {
		c, err := atlas.New(atlas.FromEnv(), atlas.WithLogger(s.logger()))
		if err != nil {
			return nil, err
		}
		return atAtlas{c, id}, nil
	}},
	{"workspace", "APPLIVERY_API_TOKEN; ORG is an id or a slug", func(id string, s settings) (organization, error) {
		c, err := workspace.New(workspace.FromEnv(), workspace.WithLogger(s.logger()))
		if err != nil {
			return nil, err
		}
		return atApplivery{c, id}, nil
	}},
	{"volterra", "F5XC_API_URL and F5XC_API_TOKEN, or a certificate: F5XC_P12_FILE, VOLT_API_P12_FILE, …", func(id string, s settings) (organization, error) {
		if s.email == "" {
			return nil, fmt.Errorf("volterra needs --email ADDRESS, the e-mail address of the account to be deleted")
		}
		c, err := volterra.New(volterra.FromEnv(), volterra.WithLogger(s.logger()))
		if err != nil {
			return nil, err
		}
		return atF5{c, volterra.DeleteTenantRequest{Name: id, Email: s.email}}, nil
	}},
}

// open finds a provider by its name.
func open(name, id string, s settings) (organization, error) {
	var known []string
	for _, p := range providers {
		if p.name == name {
			return p.open(id, s)
		}
		known = append(known, p.name)
	}
	return nil, fmt.Errorf("there is no provider %q: use one of %s", name, strings.Join(known, ", "))
}

// lookup takes what does not look like an id for a sub domain.
func lookup(id string) katapult.OrganizationLookup {
	if strings.HasPrefix(id, "org_") {
		return katapult.ID(id)
	}
	return katapult.SubDomain(id)
}

type atKatapult struct {
	*katapult.Client
	organization katapult.OrganizationLookup
}

func (o atKatapult) Name(ctx context.Context) (string, error) {
	found, err := o.GetOrganization(ctx, o.organization)
	if err != nil {
		return "", err
	}
	return found.Name, nil
}

func (o atKatapult) Check(ctx context.Context) error { return o.CheckDeletion(ctx, o.organization) }
func (o atKatapult) Delete(ctx context.Context) error {
	return o.DeleteOrganization(ctx, o.organization)
}
func (atKatapult) Done() string { return "deleted" }

type atZitadel struct {
	*zitadel.Client
	id string
}

func (o atZitadel) Name(ctx context.Context) (string, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return "", err
	}
	return found.Name, nil
}

func (o atZitadel) Check(ctx context.Context) error { return o.CheckDeletion(ctx, o.id) }

func (o atZitadel) Delete(ctx context.Context) error {
	_, err := o.DeleteOrganization(ctx, o.id)
	return err
}

func (atZitadel) Done() string { return "deleted" }

type atAtlas struct {
	*atlas.Client
	id string
}

func (o atAtlas) Name(ctx context.Context) (string, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return "", err
	}
	return found.Name, nil
}

func (o atAtlas) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.id) }
func (o atAtlas) Delete(ctx context.Context) error { return o.DeleteOrganization(ctx, o.id) }
func (atAtlas) Done() string                       { return "deleted" }

type atApplivery struct {
	*workspace.Client
	id string
}

func (o atApplivery) Name(ctx context.Context) (string, error) {
	found, err := o.GetOrganization(ctx, o.id)
	if err != nil {
		return "", err
	}
	return found.Name, nil
}

func (o atApplivery) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.id) }
func (o atApplivery) Delete(ctx context.Context) error { return o.DeleteOrganization(ctx, o.id) }
func (atApplivery) Done() string                       { return "deleted" }

type atF5 struct {
	*volterra.Client
	request volterra.DeleteTenantRequest
}

func (o atF5) Name(ctx context.Context) (string, error) {
	found, err := o.GetTenantSettings(ctx)
	if err != nil {
		return "", err
	}
	return found.Name, nil
}

func (o atF5) Check(ctx context.Context) error  { return o.CheckDeletion(ctx, o.request) }
func (o atF5) Delete(ctx context.Context) error { return o.DeleteTenant(ctx, o.request) }
func (atF5) Done() string                       { return "accepted into the deletion queue" }
