package resource_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/resource"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/internal/trace"
	"github.com/offboard-dev/offboard-go/teardown"
)

var (
	errUnread  = &errors.Error{Code: errors.Unavailable}
	errExpired = &errors.Error{Code: errors.Unauthenticated}
	errDenied  = &errors.Error{Code: errors.PermissionDenied}
)

// read is the result of a read of the organization.
type read struct {
	existence rest.Existence
	err       error
}

// wait checks each second.
func wait(ctx context.Context, _, _ string, look func(context.Context) ([]errors.Step, error)) error {
	for {
		if left, err := look(ctx); err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-trace.Stop(ctx):
			return trace.ErrStopped
		}
	}
}

// requests lists the requests of a deletion, in order: "send", and the result of each read.
type requests []string

// deletion returns a deletion whose reads have the given results, and then the last result
// again. All sends after the first one fail.
func (r *requests) deletion(t *testing.T, reads ...read) *resource.Deletion {
	t.Helper()
	n := 0
	return &resource.Deletion{
		Send: func(context.Context) (bool, error) {
			*r = append(*r, "send")
			if len(*r) > 1 {
				return false, errDenied
			}
			return false, nil
		},
		Verification: resource.Verification{
			Wait: wait, Provider: "world", Operation: "Teardown", Organization: "acme",
			Read: func(context.Context) (rest.Existence, error) {
				x := reads[min(n, len(reads)-1)]
				n++
				*r = append(*r, [...]string{"unknown", "exists", "deleted"}[x.existence])
				return x.existence, x.err
			},
			CredentialEnded: func(_ context.Context, refusal error) (bool, error) {
				return errors.Is(refusal, errors.Unauthenticated), nil
			},
			MinRefusals: 3, RepeatAfter: 2 * time.Second, Timeout: 3 * time.Second,
		},
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	exists, deleted, unread := read{rest.Exists, nil}, read{rest.NotFound, nil}, read{rest.Unknown, errUnread}
	expired, denied := read{rest.Unknown, errExpired}, read{rest.Unknown, errDenied}
	for name, test := range map[string]struct {
		reads []read
		want  requests
		code  errors.Code
	}{
		"deleted at once":             {[]read{deleted}, requests{"send", "deleted"}, ""},
		"deleted later":               {[]read{exists, unread, deleted}, requests{"send", "exists", "unknown", "deleted"}, ""},
		"deleted when sent again":     {[]read{exists, exists, exists, deleted}, requests{"send", "exists", "exists", "exists", "send", "deleted"}, ""},
		"unread, and not sent again":  {[]read{unread}, requests{"send", "unknown", "unknown", "unknown", "unknown"}, errors.OutcomeUnknown},
		"exists, and unread":          {[]read{exists, unread}, requests{"send", "exists", "unknown", "unknown", "unknown"}, errors.OutcomeUnknown},
		"refused three times":         {[]read{expired}, requests{"send", "unknown", "unknown", "unknown"}, ""},
		"refused in two ways":         {[]read{expired, expired, denied, expired}, requests{"send", "unknown", "unknown", "unknown", "unknown"}, errors.OutcomeUnknown},
		"exists, then refused":        {[]read{exists, expired}, requests{"send", "exists", "unknown", "unknown", "unknown"}, errors.OutcomeUnknown},
		"refused with another reason": {[]read{denied}, requests{"send", "unknown", "unknown", "unknown", "unknown"}, errors.OutcomeUnknown},
		"never started": {[]read{exists}, requests{
			"send", "exists", "exists", "exists", "send", "exists", "exists", "exists", "send", "exists", "exists", "exists",
			"send", "exists", "exists", "exists", "exists",
		}, errors.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got requests
				result, err := got.deletion(t, test.reads...).Run(t.Context())
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
				if e, _ := errors.AsType[*errors.Error](err); (result.Outcome == teardown.Deleted) != (err == nil) || (e == nil) != (test.code == "") || e != nil && e.Code != test.code {
					t.Errorf("got %+v, %v, want %q", result, err, test.code)
				}
			})
		})
	}
}

// Refused reads prove nothing if the repeated deletion was refused as well: the credential may have
// expired before.
func TestDeletion_RepeatRefused(t *testing.T) {
	t.Parallel()
	for _, repeat := range []struct {
		err  error
		code errors.Code
	}{{nil, ""}, {errExpired, errors.OutcomeUnknown}, {errUnread, errors.OutcomeUnknown}} {
		synctest.Test(t, func(t *testing.T) {
			var got requests
			exists := read{rest.Exists, nil}
			d := got.deletion(t, exists, exists, exists, read{rest.Unknown, errExpired})
			sent := 0
			d.Send = func(context.Context) (bool, error) {
				if sent++; sent == 1 {
					return false, nil
				}
				return false, repeat.err
			}
			_, err := d.Run(t.Context())
			e, _ := errors.AsType[*errors.Error](err)
			if (e == nil) != (repeat.code == "") || e != nil && e.Code != repeat.code || sent != 2 {
				t.Errorf("the repeated deletion returns %v: got %v after %d deletions, want %q", repeat.err, err, sent, repeat.code)
			}
		})
	}
}

// If the provider may delete the organization later, reads decide. Refused reads prove nothing.
func TestDeletion_Undecided(t *testing.T) {
	t.Parallel()
	other := &errors.Error{Code: errors.Conflict}
	exists, deleted, expired := read{rest.Exists, nil}, read{rest.NotFound, nil}, read{rest.Unknown, errExpired}
	for name, test := range map[string]struct {
		err   error
		reads []read
		sent  int
		want  error
	}{
		"202, deleted later":       {answered(202), []read{exists, deleted}, 1, nil},
		"202, refused reads":       {answered(202), []read{expired}, 1, errors.OutcomeUnknown},
		"202, exists":              {answered(202), []read{exists}, 4, errors.OutcomeUnknown},
		"302, exists":              {answered(302), []read{exists}, 1, errors.UnexpectedResponse},
		"302, deleted later":       {answered(302), []read{exists, exists, deleted}, 1, nil},
		"404":                      {answered(404), []read{deleted}, 1, errors.UnexpectedResponse},
		"undecided, deleted later": {errUnread, []read{exists, deleted}, 1, nil},
		"undecided, refused reads": {errUnread, []read{expired}, 1, errors.OutcomeUnknown},
		"decided":                  {other, []read{deleted}, 1, errors.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got requests
				d := got.deletion(t, test.reads...)
				sent := 0
				d.Send = func(context.Context) (bool, error) {
					sent++
					return false, test.err
				}
				d.Undecided = func(err error) bool { return err == errUnread }
				result, err := d.Run(t.Context())
				if (err == nil) != (test.want == nil) || test.want != nil && !errors.Is(err, test.want) || (result.Outcome == teardown.Deleted) != (err == nil) || sent != test.sent {
					t.Errorf("got %+v, %v after %d deletions, want %v after %d", result, err, sent, test.want, test.sent)
				}
			})
		})
	}
}

// A repeated deletion needs a renewal of what permits it. If the renewal fails, no deletion is sent,
// and reads decide.
func TestDeletion_RepeatRenewed(t *testing.T) {
	t.Parallel()
	exists, deleted := read{rest.Exists, nil}, read{rest.NotFound, nil}
	for name, test := range map[string]struct {
		failure error
		reads   []read
		want    requests
		code    errors.Code
	}{
		"renewed": {nil, []read{exists, exists, exists, deleted}, requests{"send", "exists", "exists", "exists", "renew", "send", "deleted"}, ""},
		"failed":  {errUnread, []read{exists}, requests{"send", "exists", "exists", "exists", "renew", "exists", "exists", "exists", "exists"}, errors.OutcomeUnknown},
		"failed, and deleted": {errUnread, []read{exists, exists, exists, exists, deleted}, requests{
			"send", "exists", "exists", "exists", "renew", "exists", "deleted",
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got requests
				d := got.deletion(t, test.reads...)
				_, err := d.Run(trace.WithFreshness(t.Context(), time.Now(), func(context.Context) (time.Time, error) {
					got = append(got, "renew")
					return time.Now(), test.failure
				}))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
				if e, _ := errors.AsType[*errors.Error](err); (e == nil) != (test.code == "") || e != nil && (e.Code != test.code || !strings.Contains(err.Error(), "unavailable")) {
					t.Errorf("got %v, want %q", err, test.code)
				}
			})
		})
	}
}

// A repeated deletion that the provider refuses because of blockers ends with that error.
func TestDeletion_RepeatBlocked(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{errors.DeletionStepsNotSatisfied, errors.PaymentRequired} {
		synctest.Test(t, func(t *testing.T) {
			var got requests
			d := got.deletion(t, read{rest.Exists, nil})
			blocked, sent := &errors.Error{Code: code, Status: 402}, 0
			d.Send = func(context.Context) (bool, error) {
				if sent++; sent == 1 {
					return false, nil
				}
				return false, blocked
			}
			if _, err := d.Run(t.Context()); err != blocked || sent != 2 {
				t.Errorf("got %v after %d deletions, want %v after 2", err, sent, blocked)
			}
		})
	}
}

// answered is the error of a deletion that the provider answered in another form than the
// documented one.
func answered(status int) error {
	return &errors.Error{Code: errors.UnexpectedResponse, Status: status}
}

// No read follows a deletion that was refused, or that is proved already.
func TestDeletion_NothingToRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got requests
		d := got.deletion(t, read{rest.Exists, nil})
		d.Send = func(context.Context) (bool, error) { return false, errDenied }
		if _, err := d.Run(t.Context()); err != errDenied || len(got) > 0 {
			t.Errorf("refused: got %v after %v", err, got)
		}
		d.Send = func(context.Context) (bool, error) { return true, nil }
		d.Result = teardown.Deletion{Outcome: teardown.Pending, PendingOn: "later"}
		if result, err := d.Run(t.Context()); err != nil || result != d.Result || len(got) > 0 {
			t.Errorf("proved: got %+v, %v after %v", result, err, got)
		}
	})
}

// The time of the first read does not count, because it may have waited for the rate limiter.
func TestDeletion_SlowFirstRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got requests
		d := got.deletion(t, read{rest.Exists, nil}, read{rest.NotFound, nil})
		inner, slow := d.Read, true
		d.Read = func(ctx context.Context) (rest.Existence, error) {
			if slow {
				time.Sleep(time.Minute)
				slow = false
			}
			return inner(ctx)
		}
		if _, err := d.Run(t.Context()); err != nil {
			t.Errorf("got %v after %v", err, got)
		}
	})
}

// After a stop one read decides, and no request is sent.
func TestDeletion_Stopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got requests
		stop := make(chan struct{})
		close(stop)
		_, err := got.deletion(t, read{rest.Exists, nil}).Run(trace.WithStop(t.Context(), stop))
		if diff := cmp.Diff(requests{"send", "exists"}, got); diff != "" || !errors.Is(err, errors.OutcomeUnknown) {
			t.Errorf("got %v; requests (-want +got):\n%s", err, diff)
		}
	})
}
