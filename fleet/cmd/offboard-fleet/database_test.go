package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/internal/postgrestest"
)

// The database of a variable is the storage, and its limiters accept the lowest and the highest
// rate of --limit.
func TestStorage_Database(t *testing.T) {
	t.Parallel()
	database, err := postgrestest.StartFor(t).Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &program{getenv: func(name string) string { return map[string]string{"DATABASE_URL": database}[name] }}
	s, err := p.openStorage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if !strings.HasPrefix(s.name, "database test") || strings.Contains(s.name, "user=") {
		t.Errorf("got the name %s", s.name)
	}
	ref, err := fleet.PutManifest(t.Context(), s, fleet.Manifest{
		Policy: fleet.Policy{Approvals: 1}, Organizations: []fleet.Entry{{Provider: "atlas", Organization: "5e2f00000000000000000001"}},
	})
	if err != nil || ref.Pages != 1 {
		t.Errorf("got %v, %v", ref, err)
	}

	rates := map[string]float64{"atlas": 1, "katapult": maxPerMinute}
	c := newConnector(rates, func(ctx context.Context, key string, rate float64) (sharedLimiter, error) {
		return s.database.Limiter(ctx, limiterConfig(key, rate, slog.New(slog.DiscardHandler)))
	}, offboard.FromEnv())
	defer c.close()
	for provider := range rates {
		l := c.limiter(offboard.Spec{Provider: provider})
		if err := l.Wait(t.Context(), "GetOrganization"); err != nil {
			t.Errorf("%s: %v", provider, err)
		}
		l.Update("GetOrganization", http.StatusOK, http.Header{})
	}
}

// The error of a database that does not exist is the text of the server.
func TestStorage_UnknownDatabase(t *testing.T) {
	t.Parallel()
	p := &program{database: postgrestest.StartFor(t).DataSource("absent"), getenv: func(string) string { return "" }}
	_, err := p.openStorage(t.Context())
	if err == nil || review.Message(err) != `cannot open the database: database "absent" does not exist` {
		t.Errorf("got %v", err)
	}
}
