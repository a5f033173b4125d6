package katapult_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
)

func TestTime_UnixSeconds(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C katapult.Time }
	if err := json.Unmarshal([]byte(`{"A":1786810364,"B":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 8, 15, 16, 12, 44, 0, time.UTC); !got.A.Equal(want) || !got.B.IsZero() || !got.C.IsZero() {
		t.Errorf("got %v", got)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":1786810364,"B":null,"C":null}`, string(encoded)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"A":"soon"}`), &got); err == nil {
		t.Error("a text was accepted as a time")
	}
}

// An ID of white space would name no resource, or another one.
func TestLookups_WhiteSpace(t *testing.T) {
	t.Parallel()
	srv := katapulttest.NewServer()
	c := newClient(t, srv)
	for _, s := range []string{" ", "\t", "\n", " x", "x ", "\u00a0", ""} {
		id := katapult.ID(s)
		for name, call := range map[string]call{
			"DeleteOrganization": func(ctx context.Context, c *katapult.Client) (any, error) {
				return noResult(c.DeleteOrganization(ctx, id))
			},
			"DeleteOrganization by subdomain": func(ctx context.Context, c *katapult.Client) (any, error) {
				return noResult(c.DeleteOrganization(ctx, katapult.Subdomain(s)))
			},
			"CheckDeletion": func(ctx context.Context, c *katapult.Client) (any, error) { return noResult(c.CheckDeletion(ctx, id)) },
			"Plan":          func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.Plan(ctx, id)) },
			"DeleteDisk":    func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.DeleteDisk(ctx, id)) },
			"GetDisk":       func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.GetDisk(ctx, id)) },
			"DeleteVirtualMachine": func(ctx context.Context, c *katapult.Client) (any, error) {
				return result(c.DeleteVirtualMachine(ctx, katapult.FQDN(s)))
			},
			"DeleteDNSZone": func(ctx context.Context, c *katapult.Client) (any, error) {
				return noResult(c.DeleteDNSZone(ctx, katapult.ZoneName(s)))
			},
			"DeleteObjectStorageAccount": func(ctx context.Context, c *katapult.Client) (any, error) {
				return result(c.DeleteObjectStorageAccount(ctx, org, katapult.Region(s)))
			},
			"DeleteObjectStorageBucket": func(ctx context.Context, c *katapult.Client) (any, error) {
				return noResult(c.DeleteObjectStorageBucket(ctx, katapult.BucketName(s), katapult.Region("uk-lon-1")))
			},
			"PurgeTrash": func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.PurgeTrash(ctx, id)) },
			"PurgeTrashObject": func(ctx context.Context, c *katapult.Client) (any, error) {
				return result(c.PurgeTrashObject(ctx, katapult.ObjectID(s)))
			},
			"ListDisks":   func(ctx context.Context, c *katapult.Client) (any, error) { return all(c.ListDisks(ctx, id)) },
			"WaitForTask": func(ctx context.Context, c *katapult.Client) (any, error) { return result(c.WaitForTask(ctx, id, nil)) },
			"WaitUntilTrashEmpty": func(ctx context.Context, c *katapult.Client) (any, error) {
				return noResult(c.WaitUntilTrashEmpty(ctx, katapult.Subdomain(s), nil))
			},
			"CreateManagedOrganization": func(ctx context.Context, c *katapult.Client) (any, error) {
				return result(c.CreateManagedOrganization(ctx, id, "New", "new"))
			},
		} {
			if _, err := call(t.Context(), c); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("%s of %q: got %v, want %q", name, s, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
