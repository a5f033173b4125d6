package postgres

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/internal/key"
)

// Store stores blobs, such as plans, reports and manifests. It is safe for concurrent use.
//
// A key has 1 to 1024 bytes of valid UTF-8 without control characters, and is a path as
// [fs.ValidPath] requires it, such as "plans/5f1b": it has elements between slashes, and no element
// is empty, "." or "..".
//
// The errors of all methods are an [*errors.Error]: [errors.InvalidArgument] for an invalid key,
// [errors.Unavailable] if the database cannot be reached, and [errors.Internal] if it refuses a
// statement; or the error of the context.
type Store struct{ db *DB }

// Store returns the store of the database.
func (d *DB) Store() *Store { return &Store{d} }

// Put stores a blob and replaces the former blob of the key. The blob is durable when Put returns.
func (s *Store) Put(ctx context.Context, name string, content []byte) error {
	if err := key.Validate("Put", name); err != nil {
		return err
	}
	if content == nil {
		content = []byte{} // nil is NULL
	}
	_, err := s.db.pool.Exec(ctx, `
		INSERT INTO offboard.blobs (key, content) SELECT $1::text, $2::bytea FROM `+durable+`
		ON CONFLICT (key) DO UPDATE SET content = excluded.content, written = now()`, name, content)
	if err != nil {
		return failed(ctx, "Put", name, err)
	}
	return nil
}

// Get returns a blob. If the key has no blob, the error is [errors.NotFound], and also
// [fs.ErrNotExist].
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	if err := key.Validate("Get", name); err != nil {
		return nil, err
	}
	content := []byte{}
	err := s.db.pool.QueryRow(ctx, `SELECT content FROM offboard.blobs WHERE key = $1`, name).Scan(&content)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, &errors.Error{Operation: "Get", Target: name, Code: errors.NotFound, Err: fs.ErrNotExist}
	case err != nil:
		return nil, failed(ctx, "Get", name, err)
	}
	return content, nil
}

// Delete deletes a blob. It returns nil if the key has no blob.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := key.Validate("Delete", name); err != nil {
		return err
	}
	if _, err := s.db.pool.Exec(ctx, `DELETE FROM offboard.blobs WHERE key = $1`, name); err != nil {
		return failed(ctx, "Delete", name, err)
	}
	return nil
}

// durable is a relation of one row that makes the statement's transaction durable when it returns,
// also if the server or the pool sets synchronous_commit to off. Stronger settings stay.
var durable = fmt.Sprintf(`set_config('synchronous_commit', CASE %[1]s WHEN 'off' THEN 'local' ELSE %[1]s END, true)`,
	`current_setting('synchronous_commit')`)
