package workspace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// A wait follows the ID that was read first, even if another organization takes over the slug.
func TestWaitForDevices_SlugReassigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := workspacetest.NewServer()
		srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme", Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := newClient(t, srv.Option()).WaitForDevices(ctx, "acme", workspace.ListDevicesPageOptions{}, func([]workspace.Device) {
			srv.Change(acme, func(o *workspacetest.Organization) { o.Slug = "acme-old" })
			if !srv.Exists(other) {
				srv.AddOrganization(workspacetest.Organization{ID: other, Slug: "acme"})
			}
		})
		if !errors.Is(err, errors.NotFinished) {
			t.Errorf("got %v, want %q", err, errors.NotFinished)
		}
	})
}

func TestWaitForDevices_DelayedDisenrollment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := full()
		c := newClient(t, srv.Option())
		start := time.Now()
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), "")
		time.Sleep(10 * time.Second)
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), "") // changes nothing
		var seen []string
		srv.Fail(offboardtest.HTMLResponse("ListDevicesPage", 503))
		err := c.WaitForDevices(t.Context(), acme, workspace.ListDevicesPageOptions{Page: 9, Type: workspace.DeviceTypeAOSP}, func(remaining []workspace.Device) {
			for _, d := range remaining {
				seen = append(seen, d.State)
			}
		})
		wants(t, err, "")
		if took := time.Since(start); took < 30*time.Second || took > 45*time.Second {
			t.Errorf("took %v, want slightly more than 30 s", took)
		}
		if len(seen) < 2 || seen[0] != "PENDING_DISENROLL" {
			t.Errorf("progress was %q", seen)
		}
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), errors.NotFound)
	})
}

func TestWaitForDevices_Deadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := newClient(t, full().Option()).WaitForDevices(ctx, "acme", workspace.ListDevicesPageOptions{}, nil)
		e := wants(t, err, errors.NotFinished)
		want := []errors.Step{
			{Name: "device", Description: "android " + phone + ", ACTIVE"},
			{Name: "device", Description: "apple " + tablet + ", ACTIVE"},
			{Name: "device", Description: "windows enrollment " + laptop + ", PENDING"},
			{Name: "device", Description: "aosp " + aosp + ", ACTIVE"},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if !errors.Is(err, context.DeadlineExceeded) || e.Target != "acme" {
			t.Errorf("got %v", err)
		}
	})
}

func TestWaitForDevices_PermanentFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := newClient(t, full().Option()).WaitForDevices(t.Context(), "unknown", workspace.ListDevicesPageOptions{}, nil)
		wants(t, err, errors.OrganizationNotFound)
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}
