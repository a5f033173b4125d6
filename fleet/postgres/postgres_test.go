package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/internal/storetest"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/internal/postgrestest"
	"github.com/offboard-dev/offboard-go/teardown"
)

var (
	_ offboard.Limiter       = (*postgres.Limiter)(nil)
	_ teardown.JournalWriter = (*postgres.Journal)(nil)
)

// server is the server of all tests of a process.
var server struct {
	sync.Once
	*postgrestest.Server
	err error
}

func TestMain(m *testing.M) {
	if dsn := os.Getenv(workerVariable); dsn != "" {
		if err := work(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if server.Server != nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// database returns the connection string of a new database.
func database(t testing.TB) string {
	t.Helper()
	postgrestest.Skip(t)
	dsn, err := newDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// newDatabase returns the connection string of a new database of the server.
func newDatabase(ctx context.Context) (string, error) {
	server.Do(func() { server.Server, server.err = postgrestest.Start() })
	if server.err != nil {
		return "", server.err
	}
	return server.Database(ctx)
}

// connect returns a pool that is closed after the test.
func connect(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// open opens a database.
func open(t testing.TB, pool *pgxpool.Pool) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// cut is a network that a test can cut.
type cut struct {
	mu    sync.Mutex
	off   bool
	conns []net.Conn
}

func (c *cut) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return nil, errors.New("the network is cut")
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cut) set(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off = off; off {
		for _, conn := range c.conns {
			conn.Close()
		}
		c.conns = nil
	}
}

// cuttable returns a pool whose network the test can cut.
func cuttable(t *testing.T, dsn string) (*pgxpool.Pool, *cut) {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c := new(cut)
	config.ConnConfig.DialFunc = c.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, c
}

func TestOpen_Concurrent(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	var group sync.WaitGroup
	for range 8 {
		pool := connect(t, dsn)
		group.Go(func() {
			if _, err := postgres.Open(t.Context(), pool); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestOpen_LeastPrivilege opens an existing schema as a user who must not create anything.
func TestOpen_LeastPrivilege(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := connect(t, dsn)
	open(t, pool)
	const role = "worker_least_privilege"
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN",
		"GRANT USAGE ON SCHEMA offboard TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA offboard TO " + role,
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, connect(t, strings.Replace(dsn, "user=test", "user="+role, 1)))
	if err := db.Store().Put(t.Context(), "a", nil); err != nil {
		t.Error(err)
	}
	if err := db.Journal().Append(t.Context(), teardown.Entry{Kind: teardown.EntryStarted}); err != nil {
		t.Error(err)
	}
	l, err := db.Limiter(t.Context(), postgres.LimiterConfig{Key: "k", PerSecond: 1, Burst: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Wait(t.Context(), "GetOrganization"); err != nil {
		t.Error(err)
	}
}

func TestOpen_LaterVersion(t *testing.T) {
	t.Parallel()
	pool := connect(t, database(t))
	open(t, pool)
	if _, err := pool.Exec(t.Context(), "UPDATE offboard.schema_version SET version = 1000"); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), pool); !errors.Is(err, errors.Conflict) {
		t.Errorf("got %v", err)
	}
}

func TestOpen_Errors(t *testing.T) {
	t.Parallel()
	if _, err := postgres.Open(t.Context(), nil); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("nil pool: got %v", err)
	}
	pool, network := cuttable(t, database(t))
	network.set(true)
	if _, err := postgres.Open(t.Context(), pool); !errors.Is(err, errors.Unavailable) {
		t.Errorf("cut network: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := postgres.Open(ctx, pool); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled context: got %v", err)
	}
}

func TestStore_RoundTrip(t *testing.T) {
	t.Parallel()
	storetest.RoundTrip(t, open(t, connect(t, database(t))).Store())
}

func TestStore_Errors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, network := cuttable(t, database(t))
	s := open(t, pool).Store()
	for _, key := range []string{"", ".", "../a", "/a", "a\x00", "a\xff", strings.Repeat("a", 1025)} {
		_, get := s.Get(ctx, key)
		for _, err := range []error{get, s.Put(ctx, key, nil), s.Delete(ctx, key)} {
			if !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("%q: got %v", key, err)
			}
		}
	}
	network.set(true)
	_, get := s.Get(ctx, "a")
	for _, err := range []error{get, s.Put(ctx, "a", nil), s.Delete(ctx, "a")} {
		if !errors.Is(err, errors.Unavailable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("cut network: got %v", err)
		}
	}
}

// entry returns an entry of an organization.
func entry(organization, step string) teardown.Entry {
	return teardown.Entry{
		Provider: "atlas", Instance: "https://cloud.mongodb.com", Organization: organization,
		Step: step, Kind: teardown.EntryStarted, Error: "a\x00b \"ü\"",
	}
}

func TestJournal_Order(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, network := cuttable(t, database(t))
	j := open(t, pool).Journal()
	var want []teardown.Entry
	for i := range 20 {
		e := entry("5f1b", fmt.Sprint("cluster/", i))
		want = append(want, e)
		other := e
		other.Instance = "https://other.example"
		for _, e := range []teardown.Entry{e, other, entry("5f1c", "")} {
			if err := j.Append(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := j.Entries(ctx, "atlas", "https://cloud.mongodb.com", "5f1b")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := j.Entries(ctx, "atlas", "", "5f1b"); err != nil || len(got) != 0 {
		t.Errorf("other instance: got %v, %v", got, err)
	}

	network.set(true)
	if err := j.Append(ctx, want[0]); !errors.Is(err, errors.Unavailable) {
		t.Errorf("cut network: got %v", err)
	}
	if _, err := j.Entries(ctx, "atlas", "", "5f1b"); !errors.Is(err, errors.Unavailable) {
		t.Errorf("cut network: got %v", err)
	}
}

// TestJournal_Hanging appends to a database that does not answer, with a context that does not end.
func TestJournal_Hanging(t *testing.T) {
	t.Parallel()
	pool := connect(t, database(t))
	db := open(t, pool)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE offboard.journal"); err != nil {
		t.Fatal(err)
	}
	err = db.Journal().WithTimeout(100*time.Millisecond).Append(context.WithoutCancel(t.Context()), entry("5f1b", ""))
	if !errors.Is(err, errors.Unavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestDB_ServerCrash writes to a server whose commits are not durable by default.
func TestDB_ServerCrash(t *testing.T) {
	t.Parallel()
	want := entry("5f1b", "")
	for name, test := range map[string]struct {
		write, read func(context.Context, *postgres.DB) error
	}{
		"journal": {
			func(ctx context.Context, db *postgres.DB) error { return db.Journal().Append(ctx, want) },
			func(ctx context.Context, db *postgres.DB) error {
				got, err := db.Journal().Entries(ctx, want.Provider, want.Instance, want.Organization)
				if diff := cmp.Diff([]teardown.Entry{want}, got); diff != "" {
					t.Error(diff)
				}
				return err
			},
		},
		"store": {
			func(ctx context.Context, db *postgres.DB) error { return db.Store().Put(ctx, "a", []byte("plan")) },
			func(ctx context.Context, db *postgres.DB) error {
				_, err := db.Store().Get(ctx, "a")
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashing := postgrestest.StartFor(t, "synchronous_commit=off", "wal_writer_delay=10s", "autovacuum=off")
			dsn, err := crashing.Database(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := test.write(t.Context(), open(t, connect(t, dsn))); err != nil {
				t.Fatal(err)
			}
			if err := crashing.Crash(); err != nil {
				t.Fatal(err)
			}
			if err := crashing.Run(); err != nil {
				t.Fatal(err)
			}
			if err := test.read(t.Context(), open(t, connect(t, dsn))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDB_RefusedStatement distinguishes a database that serves no writes now, which a retry may find
// serving, from one that refuses a statement.
func TestDB_RefusedStatement(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool := connect(t, dsn)
	db := open(t, pool)
	standby := open(t, connect(t, dsn+" options='-c default_transaction_read_only=on'"))
	if err := standby.Store().Put(t.Context(), "a", nil); !errors.Is(err, errors.Unavailable) {
		t.Errorf("read-only database: got %v", err)
	}
	if _, err := pool.Exec(t.Context(), "DROP TABLE offboard.blobs"); err != nil {
		t.Fatal(err)
	}
	if err := db.Store().Put(t.Context(), "a", nil); !errors.Is(err, errors.Internal) {
		t.Errorf("missing table: got %v", err)
	}
}
