package review

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offboard-dev/offboard-go/errors"
)

// The text of a database that fails is one line, without its user and its name.
func TestUnread_Database(t *testing.T) {
	t.Parallel()
	_, refused := pgconn.Connect(t.Context(), "postgres://jane:hunter2@127.0.0.1:1/tenants?sslmode=prefer")
	if refused == nil || !strings.Contains(refused.Error(), "jane") {
		t.Fatalf("got %v", refused)
	}
	for want, err := range map[string]error{
		"the database cannot be reached: dial tcp 127.0.0.1:1: ": refused,
		"the database refuses the user of this program":          &pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "jane"`},
		"the database of the URL does not exist":                 &pgconn.PgError{Code: "3D000", Message: `database "tenants" does not exist`},
		"the database failed: the system is shutting down":       &pgconn.PgError{Code: "57P03", Message: "the system\n\tis shutting down"},
		"the storage does not answer in time":                    fmt.Errorf("timeout: %w", context.DeadlineExceeded),
		"disk: full of data":                                     errors.New("disk:\r\n\tfull of data"),
	} {
		got := Unread("plan", &errors.Error{Operation: "Get", Target: "plans/jane", Code: errors.Unavailable, Err: err})
		if want[:5] == "disk:" {
			got = Unread("plan", err)
		}
		text := Message(got)
		if !strings.HasPrefix(text, want) || strings.ContainsAny(text, "\n\t\uFFFD") || strings.Contains(text, "jane") || strings.Contains(text, "tenants") {
			t.Errorf("got %q, want %q", text, want)
		}
		if errors.CodeOf(got) != "" {
			t.Errorf("%s: got the code %s", text, errors.CodeOf(got))
		}
	}
}

// A blob that is missing or changed has no code of the arguments.
func TestUnread_Blob(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"the storage does not have the plan of this workflow: use the storage of the workers": &errors.Error{Operation: "Get", Code: errors.NotFound, Err: fs.ErrNotExist},
		"the plan in the storage is not the one that the workers have stored: ":               &errors.Error{Operation: "Fleet", Code: errors.InvalidArgument, Err: errors.New("the digest differs")},
	} {
		got := Unread("plan", err)
		if e, ok := errors.AsType[*StorageError](got); !ok || e.Cause != err || !strings.HasPrefix(Message(got), want) || errors.CodeOf(got) != "" || errors.Is(got, errors.NotFound) || errors.Is(got, errors.InvalidArgument) {
			t.Errorf("got %v", got)
		}
	}
}
