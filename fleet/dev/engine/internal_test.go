package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

// TestStart_PortTaken occupies a port after its reservation: the server reports a fatal error,
// and neither the process nor the test ends.
func TestStart_PortTaken(t *testing.T) {
	t.Parallel()
	hosts, err := reservePorts(0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hosts[primitives.MatchingService] = static.SingleLocalHost(l.Addr().String())

	_, err = start(t.Context(), Config{Logger: slog.New(slog.DiscardHandler)}, hosts)
	if !errors.Is(err, errPortTaken) {
		t.Errorf("got %v", err)
	}
}

// TestLogger_FatalAfterStart checks that a running server with a fatal error panics.
func TestLogger_FatalAfterStart(t *testing.T) {
	t.Parallel()
	_, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	l := &logger{to: slog.New(slog.DiscardHandler), startup: &startup{abort: cancel}}
	if err := l.startup.enter(running); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Fatal returned")
		}
	}()
	l.Fatal("broken")
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"postgres://user:p%40ss@127.0.0.1:5433/first?sslmode=disable&application_name=test",
		"postgresql://user:p%40ss@127.0.0.1:5433/?dbname=first&sslmode=disable&application_name=test",
		"host=127.0.0.1 port=5433 user=user password=p@ss dbname=first sslmode=disable application_name=test",
	} {
		changed, err := withDatabase(source, `it's \second`)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := pgx.ParseConfig(changed)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Database != `it's \second` || cfg.Host != "127.0.0.1" || cfg.Port != 5433 || cfg.User != "user" ||
			cfg.Password != "p@ss" || cfg.TLSConfig != nil || cfg.RuntimeParams["application_name"] != "test" {
			t.Errorf("%s became %s", source, changed)
		}
	}
}
