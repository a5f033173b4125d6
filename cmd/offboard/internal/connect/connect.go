// Package connect opens the organizations of entries at their providers. The errors of a
// concealed connector do not show given texts, which may be secrets.
package connect

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Organization is one organization at any of the providers.
type Organization interface {
	// Identify reads the ID and the name.
	Identify(context.Context) (teardown.Organization, error)

	// Check returns an error if something blocks the deletion.
	Check(context.Context) error

	// Delete deletes the organization.
	Delete(context.Context) error

	// Plan plans the removal of all blockers.
	Plan(context.Context) (*teardown.Plan, error)

	// Driver returns the driver of a plan, whose method Provider names the instance. It sends no
	// request.
	Driver(*teardown.Plan) (teardown.Driver, error)

	// Teardown applies a plan.
	Teardown(context.Context, *teardown.Plan, ...teardown.Option) (*teardown.Report, error)
}

// AccountDeleted reports whether an error can be the result of an account that was deleted along
// with its organization.
func AccountDeleted(err error) bool {
	return !errors.Is(err, errors.OutcomeUnknown) && (errors.Is(err, errors.Unauthenticated) || errors.Is(err, errors.PermissionDenied))
}

// Connector returns the organization of an entry at its provider.
type Connector func(planfile.Entry) (Organization, error)

// FromEnv returns a connector that creates one client per connection, so that organizations
// of one connection share its rate limiter.
func FromEnv(log *slog.Logger) Connector {
	clients := offboard.NewClients(offboard.FromEnv(), offboard.WithLogger(log))
	return func(e planfile.Entry) (Organization, error) {
		i := slices.IndexFunc(providers.All, func(p providers.Provider) bool { return p.Name == e.Provider })
		switch {
		case i < 0:
			return nil, providers.Unknown(e.Provider)
		case e.Provider == providers.F5 && strings.TrimSpace(e.Email) == "":
			return nil, errors.New("volterra requires --email ADDRESS, the email address of the account to delete")
		}
		if fault := providers.All[i].VariableFault(e.Credentials); fault != nil {
			return nil, fault
		}
		if e.Provider != providers.F5 && e.Email != "" {
			return nil, errors.New("--email is for volterra only")
		}
		spec := Spec(e)
		spec.BaseURL = cmp.Or(e.BaseURL, os.Getenv(providers.BaseURLVariable(e.Provider)))
		return clients.Open(context.Background(), spec)
	}
}

// Spec returns an entry as the library takes it.
func Spec(e planfile.Entry) offboard.Spec {
	return offboard.Spec{
		Provider: e.Provider, Organization: e.Organization, BaseURL: e.BaseURL, Credentials: e.Credentials,
		Email: e.Email, Reason: e.Reason, Feedback: e.Feedback,
	}
}
