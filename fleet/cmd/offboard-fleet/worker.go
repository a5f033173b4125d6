package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/manifest"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/internal/providers"
)

const workerHelp = `Run a worker until SIGINT or SIGTERM. Then requests in flight finish, and nothing more
starts; another worker, or this one after its next start, continues. A second signal ends the
worker at once, as a crash does: the outcomes of its requests in flight are unknown until a
worker has read the resources again. Any number of workers can run. The log is on the standard
error.

The namespace must have the search attributes Provider, Outcome and WaitingFor. Without them, a
worker does not start:

  temporal operator search-attribute create --name Provider --type Keyword \
    --name Outcome --type Keyword --name WaitingFor --type Keyword

Credentials are variables of the environment, such as KATAPULT_API_KEY, or those that the
manifest names. All workers need the same ones. A worker without any credential warns.

With --limit PROVIDER=PER_MINUTE and a database, all workers together send at most this number
of requests per minute with each credential of the provider, and a second's requests at once:

  offboard-fleet worker --database "$DATABASE_URL" --limit atlas=1000 --limit katapult=300

Credentials are distinguished by the base URL and the names of the variables in the manifest.
Without --limit, each worker adapts to the limit that the provider's answers show.
`

const (
	// stopTimeout is the time for requests in flight after a signal.
	stopTimeout = 30 * time.Second

	// limiterTimeout limits the time until the database has stored the rate of a limiter.
	limiterTimeout = 5 * time.Second

	// maxPerMinute is the highest rate of package postgres.
	maxPerMinute = 600_000
)

func (p *program) workerCommand() *cobra.Command {
	var limits []string
	var activities int
	c := &cobra.Command{
		Use: "worker", Short: "Run a worker", Long: workerHelp, Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.creates = true
			rates, err := parseLimits(limits)
			if err != nil {
				return err
			}
			if activities < 1 {
				return usage("--activities must be at least 1")
			}
			return p.work(cmd.Context(), rates, activities)
		},
	}
	c.Flags().StringArrayVar(&limits, "limit", nil, "requests per minute of all workers: PROVIDER=PER_MINUTE; repeatable, requires a database")
	c.Flags().IntVar(&activities, "activities", 100, "maximum number of activities of this worker at the same time")
	return c
}

// parseLimits returns the requests per minute of each provider.
func parseLimits(limits []string) (map[string]float64, error) {
	rates := map[string]float64{}
	for _, text := range limits {
		provider, number, ok := strings.Cut(text, "=")
		provider = providers.Name(provider)
		if !ok {
			return nil, usage("--limit must be PROVIDER=PER_MINUTE, such as atlas=1000")
		}
		if !slices.Contains(offboard.Providers(), provider) {
			return nil, usage("--limit must be PROVIDER=PER_MINUTE, with one of the providers %s", strings.Join(offboard.Providers(), ", "))
		}
		rate, err := strconv.ParseFloat(number, 64)
		if err != nil || !(rate >= 1 && rate <= maxPerMinute) { // also NaN
			return nil, usage("--limit %s: the requests per minute must be from 1 to %d", provider, maxPerMinute)
		}
		if _, twice := rates[provider]; twice {
			return nil, usage("--limit %s is given twice", provider)
		}
		rates[provider] = rate
	}
	return rates, nil
}

// work runs a worker until the context ends.
func (p *program) work(ctx context.Context, rates map[string]float64, activities int) error {
	s, err := p.storage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if len(rates) > 0 && s.database == nil {
		return usage("--limit requires a database: workers share their rates there")
	}
	logger := p.logger()
	p.warnCredentials(logger)
	c, err := p.client(ctx, logger)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := p.checkNamespace(fleet.CheckNamespace(ctx, c), logger); err != nil {
		return err
	}

	connections := newConnector(rates, func(ctx context.Context, key string, rate float64) (sharedLimiter, error) {
		return s.database.Limiter(ctx, limiterConfig(key, rate, logger))
	}, offboard.FromEnv(), offboard.WithLogger(logger), offboard.WithUserAgent("offboard-fleet"))
	defer connections.close()
	w := worker.New(c, p.queue, worker.Options{
		MaxConcurrentActivityExecutionSize: activities, WorkerStopTimeout: stopTimeout,
	})
	err = fleet.Register(w, fleet.Config{
		Open: connections.open, Store: s, Journal: s.journal, Logger: logger,
		Remind: func(ctx context.Context, waiting fleet.Waiting) error {
			logger.InfoContext(ctx, "an organization waits for an approval", "workflow", waiting.ID, "digest", waiting.Digest,
				"since", waiting.Since, "differences", waiting.Differences != nil)
			return nil
		},
		Observe: func(o fleet.Observation) {
			logger.Info("a teardown has a result", "provider", o.Provider, "outcome", o.Outcome, "code", string(o.Code),
				"steps", o.Steps, "duration", o.Duration)
		},
	})
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "the worker starts", "address", p.address, "namespace", p.namespace, "queue", p.queue, "storage", s.name)
	interrupt := make(chan any)
	end := context.AfterFunc(ctx, func() {
		logger.Info("the worker stops: requests in flight finish", "timeout", stopTimeout)
		close(interrupt)
	})
	defer end()
	if err := w.Run(interrupt); err != nil {
		return fmt.Errorf("the worker failed: %w", err)
	}
	logger.Info("the worker has stopped")
	return nil
}

// checkNamespace returns the error of a namespace with which no workflow starts. checked is the error of
// [fleet.CheckNamespace].
func (p *program) checkNamespace(checked error, logger *slog.Logger) error {
	namespace := shown(p.namespace)
	switch e, _ := errors.AsType[*errors.Error](checked); {
	case checked == nil:
		return nil
	case isNamespaceNotFound(checked):
		return p.noNamespace()
	case e != nil && e.Code == errors.InvalidArgument && e.Err != nil:
		return advisedError{
			fmt.Errorf("%w: add them to the namespace %s, and start the worker again a minute later", e.Err, namespace),
			"To add them:\n  temporal operator search-attribute create --name Provider --type Keyword \\\n    --name Outcome --type Keyword --name WaitingFor --type Keyword \\\n" +
				"    --address " + shown(p.address) + " --namespace " + namespace,
		}
	}
	logger.Warn("the namespace could not be checked", "error", checked)
	return nil
}

// warnCredentials logs a warning if no variable with a credential of any provider is set. A manifest can
// name others, which only its activities know.
func (p *program) warnCredentials(logger *slog.Logger) {
	var missing []any
	for _, provider := range providers.All {
		for _, name := range slices.Concat(provider.Variables, provider.Others) {
			if p.getenv(name) != "" && !strings.HasSuffix(name, "_URL") {
				return
			}
		}
		missing = append(missing, provider.Name, provider.Environment)
	}
	logger.Warn("no credential of any provider is set: a plan fails unless the manifest names other variables that are set", missing...)
}

// temporalLogger is the log of the Temporal SDK in a worker, without the errors of activities: package
// fleet logs them with their texts, which Temporal does not get.
type temporalLogger struct{ log.Logger }

// Error implements [log.Logger].
func (l temporalLogger) Error(text string, values ...any) {
	if text != "Activity error." {
		l.Logger.Error(text, values...)
	}
}

// With implements [log.WithLogger].
func (l temporalLogger) With(values ...any) log.Logger {
	return temporalLogger{log.With(l.Logger, values...)}
}

// sharedLimiter is a limiter of package postgres.
type sharedLimiter interface {
	offboard.Limiter
	Close()
}

// connector opens organizations with one set of clients for the providers with a shared limit, and
// one for the others: clients without WithLimiter adapt to the provider themselves.
type connector struct {
	rates          map[string]float64
	limited, plain *offboard.Clients
	make           func(ctx context.Context, key string, rate float64) (sharedLimiter, error)

	mu       sync.Mutex
	limiters []*lazyLimiter
}

func newConnector(rates map[string]float64, make func(ctx context.Context, key string, rate float64) (sharedLimiter, error), options ...offboard.Option) *connector {
	c := &connector{rates: rates, make: make}
	c.plain = offboard.NewClients(options...)
	c.limited = offboard.NewClients(append(slices.Clone(options), offboard.WithLimiter(c.limiter))...)
	return c
}

// open implements Open of [fleet.Config].
func (c *connector) open(ctx context.Context, spec offboard.Spec) (offboard.Organization, error) {
	if err := manifest.CheckSpec(spec); err != nil {
		return offboard.Organization{}, err
	}
	if _, limited := c.rates[spec.Provider]; limited {
		return c.limited.Open(ctx, spec)
	}
	return c.plain.Open(ctx, spec)
}

// limiter returns the limiter of a client.
func (c *connector) limiter(client offboard.Spec) offboard.Limiter {
	rate := c.rates[client.Provider]
	l := &lazyLimiter{open: func(ctx context.Context) (sharedLimiter, error) {
		return c.make(ctx, limiterKey(client), rate)
	}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limiters = append(c.limiters, l)
	return l
}

// close closes the connections and the limiters.
func (c *connector) close() {
	c.limited.Close()
	c.plain.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.limiters {
		l.close()
	}
}

// limiterKey returns the name of the budget of a client, which is the same on all workers.
func limiterKey(client offboard.Spec) string {
	parts := []string{client.Provider}
	if client.BaseURL != "" {
		parts = append(parts, client.BaseURL)
	}
	for _, name := range slices.Sorted(maps.Keys(client.Credentials)) {
		parts = append(parts, name+"="+client.Credentials[name])
	}
	return strings.Join(parts, " ")
}

// limiterConfig returns the budget of a key.
func limiterConfig(key string, perMinute float64, logger *slog.Logger) postgres.LimiterConfig {
	perSecond := perMinute / 60
	return postgres.LimiterConfig{Key: key, PerSecond: perSecond, Burst: int(math.Ceil(perSecond)), Logger: logger}
}

// lazyLimiter opens its limiter in the first Wait. A database that is not reachable then is a
// failed request, which is repeated, and not a client that cannot be made.
type lazyLimiter struct {
	open func(context.Context) (sharedLimiter, error)

	mu      sync.Mutex
	limiter sharedLimiter // nil until it is open
}

// Wait implements [offboard.Limiter].
func (l *lazyLimiter) Wait(ctx context.Context, operation string) error {
	limiter, err := l.get(ctx)
	if err != nil {
		if errors.CodeOf(err) == "" && ctx.Err() == nil {
			err = &errors.Error{Operation: operation, Code: errors.Unavailable, Err: err}
		}
		return err
	}
	return limiter.Wait(ctx, operation)
}

func (l *lazyLimiter) get(ctx context.Context) (sharedLimiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limiter != nil {
		return l.limiter, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limiterTimeout)
	defer cancel()
	limiter, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	l.limiter = limiter
	return limiter, nil
}

// Update implements [offboard.Limiter]. It follows a Wait that returned nil.
func (l *lazyLimiter) Update(operation string, status int, header http.Header) {
	l.mu.Lock()
	limiter := l.limiter
	l.mu.Unlock()
	if limiter != nil {
		limiter.Update(operation, status, header)
	}
}

func (l *lazyLimiter) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limiter != nil {
		l.limiter.Close()
	}
}
