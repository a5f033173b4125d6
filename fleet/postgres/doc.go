// Package postgres shares the state of a fleet of workers in a PostgreSQL database: the rate limit of
// each credential, the blobs of teardowns, and their journal.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	db, err := postgres.Open(ctx, pool)
//	limiter, err := db.Limiter(ctx, postgres.LimiterConfig{Key: "atlas/acme", PerSecond: 1000.0 / 60, Burst: 10})
//	client, err := atlas.New(atlas.FromEnv(), atlas.WithLimiter(limiter))
//
// [Open] creates the tables in the schema "offboard". The tests use PostgreSQL 15.
//
// # Rate limit
//
// Each key has one row, which is a token bucket by the clock of the database: the clocks of the
// workers have no effect. [Limiter.Wait] reserves a request at a time in the future, and then waits
// without polling. When the time comes, one statement confirms the request and reserves the next one.
// A waiting worker costs the database about one statement per request.
//
//   - The limiter grants at most Burst + PerSecond × t requests in any t seconds, counted by the clock
//     of the database when it confirms them. The time between this and the arrival at the provider
//     varies: keep a distance to the provider's limit. With a Burst of 1, two requests can be closer
//     than the interval, and the average rate is still the configured one.
//   - Calls of one limiter are served in their order. Each process reserves at most 100 ms of the
//     budget, or one request if that is more, so that busy processes do not delay others.
//   - A call whose context ends leaves its request to the next call of the process; if none waits, to
//     the next reservation of any process. A killed process loses at most what it reserved.
//   - After 429 and 503, all processes pause. Reserved requests move by the length of the pause: they
//     keep their order and distance, and no burst follows the pause. See [Limiter.Update].
//   - If the database is not reachable, Wait fails with errors.Unavailable. It never grants a
//     request without the database.
//   - If several processes configure one key differently, the last configuration applies to all of
//     them, and the process that changes it logs a warning.
//
// The clock of the database must not be set back while workers run: requests would wait for the time
// that was set back.
//
// # Blobs and journal
//
// A blob or an entry is in the write-ahead log of the server when [Store.Put] or [Journal.Append]
// returns, also if synchronous_commit is off. To keep it after the loss of the server, use a synchronous
// standby.
//
// Package folder has the same store and journal in a directory.
package postgres
