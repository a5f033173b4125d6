package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offboard-dev/offboard-go/teardown"
)

// Journal is the journal of all teardowns. It is safe for concurrent use. It implements
// [teardown.JournalWriter].
//
// The errors of all methods are an [*errors.Error]: [errors.Unavailable] if the database cannot be
// reached, and [errors.Internal] if it refuses a statement; or the error of the context.
type Journal struct {
	db      *DB
	timeout time.Duration // of an append
}

// Journal returns the journal of the database.
func (d *DB) Journal() *Journal { return &Journal{d, 30 * time.Second} }

// Append appends an entry. The entry is durable when Append returns nil. After an error the entry
// may have been appended. Append returns after at most 30 seconds, because the context of a teardown's
// entries does not end.
func (j *Journal) Append(ctx context.Context, e teardown.Entry) error {
	entry, err := json.Marshal(e)
	if err != nil {
		return invalid("Append", e.Organization, err)
	}
	limited, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	_, err = j.db.pool.Exec(limited, `
		INSERT INTO offboard.journal (provider, instance, organization, entry)
		SELECT $1::text, $2::text, $3::text, $4::json FROM `+durable, e.Provider, e.Instance, e.Organization, string(entry))
	if err != nil {
		return failed(ctx, "Append", e.Organization, timely(limited, err))
	}
	return nil
}

// Entries returns the entries of an organization in the order of their appends, for
// [teardown.WithResume]. The arguments are those of [teardown.Entry]. If the journal has no entry of
// the organization, the slice is empty.
func (j *Journal) Entries(ctx context.Context, provider, instance, organization string) ([]teardown.Entry, error) {
	rows, err := j.db.pool.Query(ctx, `
		SELECT entry::text FROM offboard.journal
		WHERE provider = $1 AND instance = $2 AND organization = $3 ORDER BY id`, provider, instance, organization)
	if err != nil {
		return nil, failed(ctx, "Entries", organization, err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e teardown.Entry, err error) {
		var entry string
		if err := row.Scan(&entry); err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(entry), &e)
	})
	if err != nil {
		return nil, failed(ctx, "Entries", organization, err)
	}
	return entries, nil
}
