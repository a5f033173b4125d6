package workspace

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// WaitForDevices waits until an organization has no device that the options select, for
// example after [Client.DisenrollAOSPDevice]. Pending enrollments count unless the options
// exclude them. Page of the options is ignored.
//
// WaitForDevices reads the list repeatedly, after growing intervals of at most 15 seconds, and
// passes the remaining devices to progress, which may be nil. Temporary failures do not end the
// wait. If ctx ends first, the error is [errors.NotFinished], and its steps are the remaining
// devices with their states. An unreachable device never disenrolls: set a deadline in ctx.
// The organization is read first, because another organization can take over its slug during
// the wait.
func (c *Client) WaitForDevices(ctx context.Context, idOrSlug string, options ListDevicesPageOptions, progress func(remaining []Device)) error {
	options.Page = 0
	id := "" // confirmed by the first read
	return c.rest().Wait(ctx, "WaitForDevices", idOrSlug, func(ctx context.Context) ([]errors.Step, error) {
		if id == "" {
			var err error
			if id, err = c.resolve(ctx, "WaitForDevices", idOrSlug); err != nil {
				return nil, err
			}
		}
		var remaining []Device
		var steps []errors.Step
		for device, err := range c.ListDevices(ctx, id, options) {
			if err != nil {
				return nil, err
			}
			remaining = append(remaining, device)
			steps = append(steps, errors.Step{Name: "device", Description: device.describe()})
		}
		if progress != nil {
			progress(remaining)
		}
		return steps, nil
	})
}
