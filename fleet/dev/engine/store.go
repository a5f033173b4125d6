package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/iancoleman/strcase"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql/driver"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
	schematool "go.temporal.io/server/tools/common/schema"
	sqltool "go.temporal.io/server/tools/sql"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	namespace = "default"
	retention = 7 * 24 * time.Hour
)

// searchAttributes returns the custom search attributes of the namespace.
func searchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		"Provider":   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"Outcome":    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"WaitingFor": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
}

// stores are the databases of a server.
type stores struct {
	main, visibility *config.SQL

	// shards is the number of history shards, which the first start persists. One is enough for
	// the single connection of SQLite.
	shards int32
}

// openStores returns the databases of a configuration, with their tables.
func openStores(ctx context.Context, cfg Config, logger log.Logger) (stores, error) {
	if cfg.Postgres != "" {
		return openPostgres(ctx, cfg.Postgres, logger)
	}
	return openSQLite(cfg.SQLite, logger)
}

// openSQLite returns a database in a file, or in memory if path is empty.
func openSQLite(path string, logger log.Logger) (stores, error) {
	if path == "" {
		// The plugin creates the tables of an in-memory database. All engines of the process
		// share the cache, so each needs its own name.
		db := &config.SQL{
			PluginName:        sqliteplugin.PluginName,
			DatabaseName:      "memory-" + uuid.NewString(),
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}
		return stores{main: db, visibility: db, shards: 1}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return stores{}, err
	}
	db := &config.SQL{
		PluginName: sqliteplugin.PluginName,
		// The plugin puts the name into a URI, in which SQLite decodes escapes.
		DatabaseName: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			// Enough if the process is killed; a power failure may lose the last transactions.
			"synchronous": "normal",
		},
	}
	if err := createSQLiteTables(db, logger); err != nil {
		return stores{}, fmt.Errorf("cannot create the tables of %s: %w", path, err)
	}
	return stores{main: db, visibility: db, shards: 1}, nil
}

// createSQLiteTables creates the tables of an empty database in one transaction, so that a start
// that is killed leaves an empty database.
func createSQLiteTables(cfg *config.SQL, logger log.Logger) error {
	db, err := sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, cfg, resolver.NewNoopResolver(), logger, metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := db.ListTables(cfg.DatabaseName)
	if err != nil || len(tables) > 0 {
		return err
	}
	// The plugin has one connection, so all statements belong to the transaction.
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := sqlite.SetupSchemaOnDB(db); err != nil {
		return errors.Join(err, db.Exec("ROLLBACK"))
	}
	return db.Exec("COMMIT")
}

// openPostgres returns the two databases of a data source.
func openPostgres(ctx context.Context, source string, logger log.Logger) (stores, error) {
	parsed, err := pgx.ParseConfig(source)
	if err != nil {
		return stores{}, err
	}
	if parsed.Database == "" {
		return stores{}, errors.New("the Postgres data source must name a database")
	}
	visibility := parsed.Database + "_visibility"
	if err := createDatabases(ctx, source, parsed.Database, visibility); err != nil {
		return stores{}, err
	}
	s := stores{shards: 4}
	if s.main, err = postgresStore(source, parsed.Database, "postgresql/v12/temporal", logger); err != nil {
		return stores{}, err
	}
	if s.visibility, err = postgresStore(source, visibility, "postgresql/v12/visibility", logger); err != nil {
		return stores{}, err
	}
	return s, nil
}

// postgresStore returns a database after the server's schema tool created or updated its tables.
// The tool skips versions and statements that an earlier start has applied.
func postgresStore(source, database, schema string, logger log.Logger) (*config.SQL, error) {
	source, err := withDatabase(source, database)
	if err != nil {
		return nil, err
	}
	cfg := &config.SQL{
		PluginName:   postgresql.PluginNamePGX,
		DatabaseName: database,
		// The server's own fields cannot express all data sources, such as Unix sockets.
		Connect: func(cfg *config.SQL) (*sqlx.DB, error) {
			db, err := (&driver.PGXDriver{}).CreateConnection(source)
			if err != nil {
				return nil, err
			}
			// Each service has its own pools: together less than Postgres' default of 100.
			db.SetMaxOpenConns(5)
			db.SetMaxIdleConns(5)
			db.MapperFunc(strcase.ToSnake) // the server's structs have no column names
			return db, nil
		},
	}
	conn, err := sqltool.NewConnection(cfg, logger)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := schematool.NewSetupSchemaTask(conn, &schematool.SetupConfig{InitialVersion: "0.0"}, logger).Run(); err != nil {
		return nil, fmt.Errorf("cannot create the tables of %s: %w", database, err)
	}
	if err := schematool.NewUpdateSchemaTask(conn, &schematool.UpdateConfig{DBName: database, SchemaName: schema}, logger).Run(); err != nil {
		return nil, fmt.Errorf("cannot create the tables of %s: %w", database, err)
	}
	return cfg, nil
}

// createDatabases creates the databases that do not exist.
func createDatabases(ctx context.Context, source string, names ...string) error {
	conn, err := pgx.Connect(ctx, source)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "3D000" { // database does not exist
		if source, err = withDatabase(source, "postgres"); err != nil {
			return err
		}
		conn, err = pgx.Connect(ctx, source)
	}
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, name := range names {
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
			return err
		}
		if exists {
			continue
		}
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("cannot create the database %s: %w", name, err)
		}
	}
	return nil
}

// withDatabase returns a data source that names another database.
func withDatabase(source, database string) (string, error) {
	if !strings.HasPrefix(source, "postgres://") && !strings.HasPrefix(source, "postgresql://") {
		// Keywords and values: the last value of a keyword counts.
		return source + " dbname='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database) + "'", nil
	}
	u, err := url.Parse(source)
	if err != nil {
		return "", errors.New("invalid URL of the Postgres data source") // the error may show the password
	}
	u.Path, u.RawPath = "/"+database, ""
	query := u.Query()
	query.Del("dbname")
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// createNamespace creates the namespace in the database if it does not exist. After a creation by
// the API, other services would not know the namespace until their caches are refreshed.
func createNamespace(db *config.SQL) error {
	n, err := sqlite.NewNamespaceConfig(clusterName, namespace, false, searchAttributes())
	if err != nil {
		return err
	}
	n.Detail.Config.Retention = durationpb.New(retention)
	return sqlite.CreateNamespaces(db, n) // for all SQL stores, in spite of the package's name
}
