// Package engine runs a Temporal server inside the process, for tests and development.
//
// [Start] starts all services of the server on loopback, with SQLite or Postgres as the store.
// The namespace "default" exists when Start returns, with a retention of 7 days and the custom
// search attributes Provider, Outcome and WaitingFor of type Keyword. Workflows in a SQLite file
// or in Postgres survive a restart, also after the process was killed.
//
// The server has no authentication and no encryption, and connects only to its store. Do not use
// the package in production.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// startTimeout limits a start, in addition to the caller's context. The server's own limit for
// each of its four services is 15 s.
const startTimeout = time.Minute

// Config selects the store and the address of the server. The zero value is an in-memory server
// on a free port without logs.
type Config struct {
	// SQLite is the path of the database file, created if it does not exist. Empty means an
	// in-memory database, unless Postgres is set. Only one server can use the file at a time.
	SQLite string

	// Postgres is the data source of the server's database: a URL or a keyword/value string, as
	// pgx and libpq read it. The server stores the visibility records in a second database, whose
	// name has the suffix "_visibility". Start creates both databases and their tables if they do
	// not exist. Only one server can use them at a time.
	Postgres string

	// Port is the port of the frontend on 127.0.0.1. Zero means a free port.
	Port int

	// Logger receives the server's logs. Nil discards them.
	Logger *slog.Logger
}

// Engine is a running Temporal server.
type Engine struct {
	address string
	server  temporal.Server
	stop    sync.Once
	stopErr error
}

// Start starts a server and returns when the server accepts workflows. The server runs until
// [Engine.Stop]; ctx limits only the start.
//
// Start returns an error if the configuration is invalid, the port is in use, the store is not
// available or ctx ends.
func Start(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.SQLite != "" && cfg.Postgres != "" {
		return nil, errors.New("engine: set SQLite or Postgres, not both")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	var e *Engine
	var err error
	for range 3 { // another program may take a free port before the server binds it
		var hosts map[primitives.ServiceName]static.Hosts
		if hosts, err = reservePorts(cfg.Port); err != nil {
			break
		}
		if e, err = start(ctx, cfg, hosts); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return e, nil
}

// start starts a server with the given address of each service.
func start(ctx context.Context, cfg Config, hosts map[primitives.ServiceName]static.Hosts) (*Engine, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	logger := &logger{to: cfg.Logger, startup: &startup{abort: cancel}}

	server, err := create(ctx, cfg, hosts, logger)
	if err != nil {
		return nil, err
	}
	e := &Engine{address: hosts[primitives.FrontendService].Self, server: server}
	if err := logger.startup.enter(starting); err != nil {
		return nil, err
	}
	finished := make(chan error, 1)
	go func() { finished <- e.server.Start() }()

	select {
	case err = <-finished:
	case <-ctx.Done():
		go func() {
			if err := <-finished; err == nil {
				_ = e.Stop()
			}
		}()
		return nil, context.Cause(ctx)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, cause // the fatal error
	} else if err != nil {
		return nil, err
	}
	if err = e.waitReady(ctx); err == nil {
		err = logger.startup.enter(running)
	}
	if err != nil {
		_ = e.Stop()
		return nil, err
	}
	return e, nil
}

// create prepares the store and returns a server that has bound its ports.
func create(ctx context.Context, cfg Config, hosts map[primitives.ServiceName]static.Hosts, logger *logger) (server temporal.Server, err error) {
	defer func() {
		// Only a panic of logger.Fatal is an error of the start.
		if fatal := logger.startup.enter(creating); fatal != nil {
			_ = recover()
			server, err = nil, fatal
		}
	}()
	stores, err := openStores(ctx, cfg, logger)
	if err != nil {
		return nil, err
	}
	if err := createNamespace(stores.main); err != nil {
		return nil, fmt.Errorf("cannot create the namespace: %w", err)
	}
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(hosts, stores)),
		temporal.ForServices(temporal.DefaultServices),
		// Without static hosts, the services find each other by gossip on four more ports.
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		// Without this setting, the server asks a host on the internet for new versions.
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.EnableServerVersionCheck.Key(): false,
		}),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
}

// waitReady returns when the frontend can list workflows by a custom search attribute: the
// frontend, the namespace and the visibility store are ready then.
func (e *Engine) waitReady(ctx context.Context) error {
	conn, err := grpc.NewClient(e.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = workflowservice.NewWorkflowServiceClient(conn).ListWorkflowExecutions(ctx,
		&workflowservice.ListWorkflowExecutionsRequest{
			Namespace: namespace,
			PageSize:  1,
			Query:     `Provider = "none" AND Outcome = "none" AND WaitingFor = "none"`,
		}, grpc.WaitForReady(true))
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	} else if err != nil {
		return fmt.Errorf("the server is not ready: %w", err)
	}
	return nil
}

// Address returns the address of the frontend, "127.0.0.1:PORT". Clients dial it without TLS.
func (e *Engine) Address() string { return e.address }

// Stop stops the server and returns when all its services have stopped. Workflows keep their
// state in a SQLite file and in Postgres. Further calls return the result of the first.
func (e *Engine) Stop() error {
	e.stop.Do(func() { e.stopErr = e.server.Stop() })
	return e.stopErr
}

// reservePorts returns the loopback address of each service. The port of the frontend is given,
// unless it is 0; the others are free ports.
func reservePorts(frontend int) (map[primitives.ServiceName]static.Hosts, error) {
	if frontend < 0 || frontend > 65535 {
		return nil, fmt.Errorf("port %d must be between 0 and 65535", frontend)
	}
	hosts := make(map[primitives.ServiceName]static.Hosts)
	for _, service := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService,
		primitives.MatchingService, primitives.WorkerService,
	} {
		port := 0
		if service == primitives.FrontendService {
			port = frontend
		}
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			return nil, err
		}
		defer l.Close() // after the loop, so that all ports differ
		hosts[service] = static.SingleLocalHost(l.Addr().String())
	}
	return hosts, nil
}
