package review

import (
	"context"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offboard-dev/offboard-go/errors"
)

// StorageError is the error of a storage that does not have what the workers have stored, or that cannot
// be read. It is a fault of the storage, and not of the arguments: it has no code.
type StorageError struct {
	// Text is for people.
	Text string

	// Cause is the error of the storage, for the log. Its text can have the user of the database.
	Cause error
}

// Error returns the text. The error wraps no other one, whose code would be about the arguments.
func (e *StorageError) Error() string { return e.Text }

// Unread returns the error of a blob that cannot be read. what is its content. The error is a
// [*StorageError].
func Unread(what string, err error) error {
	text := databaseText(err)
	switch e, _ := errors.AsType[*errors.Error](err); {
	case errors.Is(err, fs.ErrNotExist):
		text = "the storage does not have the " + what + " of this workflow: use the storage of the workers, by --store or --database"
	case e != nil && e.Code == errors.InvalidArgument && e.Err != nil:
		text = "the " + what + " in the storage is not the one that the workers have stored: " + e.Err.Error()
	case text == "":
		text = err.Error()
	}
	return &StorageError{Text: text, Cause: err}
}

// databaseText returns the text of an error of a database without its user and its name; "" for another
// error. pgx lists all its attempts, with line ends.
func databaseText(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(e.Code, "28"):
			return "the database refuses the user of this program"
		case e.Code == "3D000":
			return "the database of the URL does not exist"
		}
		return "the database failed: " + e.Message
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "the database cannot be reached: no address is known for the host " + e.Name
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return "the database cannot be reached: " + e.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the storage does not answer in time"
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return "the database cannot be reached"
	}
	return ""
}
