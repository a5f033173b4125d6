package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/errors"
)

// DB is a database with the tables of this package. Make it with [Open]. It is safe for concurrent
// use.
type DB struct {
	pool *pgxpool.Pool
}

// Open creates or updates the tables in the schema "offboard" and returns the database. Several
// processes can call Open at the same time. The caller closes the pool.
//
// If the tables have the current version already, Open changes nothing. A program then requires only
// the permissions to use the schema and to select, insert, update and delete in its tables.
//
// The error is an [*errors.Error]: [errors.InvalidArgument] if the pool is nil, [errors.Conflict] if
// a later version of this package created the tables, [errors.Unavailable] if the database cannot be
// reached, and [errors.Internal] if it refuses a statement.
func Open(ctx context.Context, pool *pgxpool.Pool) (*DB, error) {
	if pool == nil {
		return nil, invalid("Open", "", errors.New("the pool is nil"))
	}
	version, err := schemaVersion(ctx, pool)
	switch {
	case err != nil:
		return nil, failed(ctx, "Open", "", err)
	case version < len(migrations):
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return migrate(ctx, tx) })
	default:
		err = supported(version)
	}
	if err != nil {
		return nil, failed(ctx, "Open", "", err)
	}
	return &DB{pool}, nil
}

// migrations are the changes of the schema. The number of applied changes is the version.
var migrations = []string{`
CREATE SCHEMA offboard;

CREATE TABLE offboard.schema_version (version integer NOT NULL);
INSERT INTO offboard.schema_version VALUES (0);

-- The row of a key changes with each request: leave space for new versions of the row in its page.
CREATE TABLE offboard.limits (
	key         text PRIMARY KEY,
	interval_us bigint NOT NULL,           -- between two slots
	burst       integer NOT NULL,
	next_us     bigint NOT NULL DEFAULT 0, -- the next slot, by the clock of the key
	paused_us   bigint NOT NULL DEFAULT 0, -- the clock of the database minus the clock of the key
	blocked_us  bigint NOT NULL DEFAULT 0, -- the end of the last pause, by the clock of the database
	refusals    integer NOT NULL DEFAULT 0 -- pauses since the last success
) WITH (fillfactor = 50);

-- Slots that were reserved and returned.
CREATE TABLE offboard.limit_slots (
	key  text NOT NULL REFERENCES offboard.limits ON DELETE CASCADE,
	slot bigint NOT NULL,
	PRIMARY KEY (key, slot)
);

CREATE TABLE offboard.blobs (
	key     text PRIMARY KEY,
	content bytea NOT NULL,
	written timestamptz NOT NULL DEFAULT now()
);

-- The type json keeps the text of an entry as it is. The type jsonb refuses the character U+0000,
-- which the text of an error may have.
CREATE TABLE offboard.journal (
	id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	provider     text NOT NULL,
	instance     text NOT NULL,
	organization text NOT NULL,
	entry        json NOT NULL
);
CREATE INDEX ON offboard.journal (provider, instance, organization, id);
`}

// migrationLock is the advisory lock of a migration: "offboard" in ASCII.
const migrationLock = 0x6f6666626f617264

// migrate applies the missing changes, in one transaction.
func migrate(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
		return err
	}
	// Another process may have applied the changes before this one got the lock.
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if err := supported(version); err != nil {
		return err
	}
	for _, change := range migrations[version:] {
		if _, err := tx.Exec(ctx, change); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE offboard.schema_version SET version = $1`, len(migrations))
	return err
}

// schemaVersion returns the version of the schema; 0 if it does not exist.
func schemaVersion(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (version int, err error) {
	var exists bool
	// to_regclass reads a cache, which can be older than the lock.
	if err := db.QueryRow(ctx, `SELECT EXISTS (
		SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'offboard' AND c.relname = 'schema_version')`).Scan(&exists); err != nil || !exists {
		return 0, err
	}
	err = db.QueryRow(ctx, `SELECT version FROM offboard.schema_version`).Scan(&version)
	return version, err
}

// supported returns an error for a version that this package does not know.
func supported(version int) error {
	if version > len(migrations) {
		return &errors.Error{
			Operation: "Open", Code: errors.Conflict,
			Err: fmt.Errorf("the schema has version %d, and this program supports up to version %d", version, len(migrations)),
		}
	}
	return nil
}

// invalid returns an error of an argument.
func invalid(operation, target string, err error) error {
	return &errors.Error{Operation: operation, Target: target, Code: errors.InvalidArgument, Err: err}
}

// failed returns the typed error of a statement: [errors.Unavailable] unless the database refused the
// statement. The error of a caller's context that ended is returned as it is.
func failed(ctx context.Context, operation, target string, err error) error {
	if typed, ok := errors.AsType[*errors.Error](err); ok {
		return typed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	code := errors.Unavailable
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && !unreachable(refused.Code) {
		code = errors.Internal
	}
	return &errors.Error{Operation: operation, Target: target, Code: code, Err: err}
}

// timely replaces the error of a context of this package, so that it does not look like the end of the
// caller's context.
func timely(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("the database did not answer in time")
	}
	return err
}

// unreachable reports whether a code of PostgreSQL means that the database is not serving: the
// classes connection exception, insufficient resources and operator intervention (PostgreSQL,
// Appendix A), and the read-only transactions of a standby.
func unreachable(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "08", "53", "57":
		return true
	}
	return code == "25006"
}
