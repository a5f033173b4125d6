package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/fleet/postgres"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

// storage is where plans, reports and journals are.
type storage struct {
	fleet.Store
	journal  fleet.Journal
	database *postgres.DB // nil for a directory
	close    func()
	name     string // for the log, without a password
}

// errNoStorage is the error of a command without flags and variables that name the storage.
var errNoStorage = usage("the storage is missing: use --store DIR, or --database URL or DATABASE_URL; it must be that of the workers")

// openStorage opens the directory of --store, or the database of --database or DATABASE_URL. The
// flag --database precedes the variable. --store does not: a command with another storage than that of
// the workers is a mistake that is found late.
func (p *program) openStorage(ctx context.Context) (*storage, error) {
	database := cmp.Or(p.database, p.getenv("DATABASE_URL"))
	switch {
	case p.store != "" && p.database != "":
		return nil, usage("--store and --database exclude each other")
	case p.store != "" && database != "":
		return nil, usage("--store is given, and DATABASE_URL is set: unset DATABASE_URL to use the directory, or omit --store to use the database")
	case p.store != "":
		f, err := p.openFolder()
		if err != nil {
			return nil, err
		}
		return &storage{f.Store(), f.Journal(), nil, func() { _ = f.Close() }, "directory " + shown(p.store)}, nil
	case database == "":
		return nil, errNoStorage
	}
	pool, err := pgxpool.New(ctx, database)
	if err != nil { // its text may contain the password
		return nil, usageError{errors.New("the URL of the database is invalid: use postgres://USER@HOST/DATABASE, and PGPASSWORD or a password file for the password")}
	}
	db, err := postgres.Open(ctx, pool)
	if err != nil {
		pool.Close()
		return nil, unreachable(err)
	}
	config := pool.Config().ConnConfig
	return &storage{db.Store(), db.Journal(), db, pool.Close, fmt.Sprintf("database %s at %s", config.Database, config.Host)}, nil
}

// openFolder opens the directory of --store. Only a worker, and the start of a batch, create it: any
// other command would find nothing in a directory whose name is misspelled.
func (p *program) openFolder() (*folder.Folder, error) {
	if !p.creates {
		if info, err := os.Stat(filepath.Join(p.store, "blobs")); err != nil || !info.IsDir() {
			return nil, usage("--store: the directory %s does not exist, or is not a storage of workers: use that of the workers", shown(p.store))
		}
	}
	f, err := folder.Open(p.store)
	if err != nil {
		return nil, safefile.Error(safefile.Writing, "--store", p.store, err)
	}
	if err := checkPrivate(p.store, ".", "blobs", "journals"); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// checkPrivate returns an error if every user of the machine can write to a directory: a journal states
// which resources are deleted, and a worker believes it.
func checkPrivate(directory string, names ...string) error {
	if runtime.GOOS == "windows" { // whose permissions are not those of the mode
		return nil
	}
	for _, name := range names {
		name = filepath.Join(directory, name)
		info, err := os.Stat(name)
		if err != nil {
			return safefile.Error(safefile.Reading, "--store", name, err)
		}
		if info.Mode().Perm()&0o002 != 0 {
			return usage("--store: every user of this machine can write to the directory %s: use chmod o-w, or another directory", shown(name))
		}
	}
	return nil
}

// unreachable returns a short error of a database that cannot be opened: pgx lists all its attempts,
// with line ends.
func unreachable(err error) error {
	var text string
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		text = e.Message
	} else if e, ok := errors.AsType[*net.DNSError](err); ok {
		text = "no address is known for the host " + e.Name
	} else if e, ok := errors.AsType[*net.OpError](err); ok {
		text = e.Error()
	} else {
		return err
	}
	return errors.New("cannot open the database: " + text)
}
