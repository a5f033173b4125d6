package workspace

import (
	"context"

	"github.com/offboard-dev/offboard-go/errors"
)

// WaitForDevices waits until an organization has no more of the devices that the
// options select, such as those that [Client.DisenrollAOSPDevice] told to leave.
// Enrollments that wait for a device count unless the options leave them out. What
// chooses a page is left out of the options.
//
// It reads the list again and again, soon at first and every 15 seconds later, and
// passes what is left to progress, which may be nil. Failures that may pass do not
// end it. When ctx ends first the error is [errors.NotFinished], and each of its
// steps is a device that was still there, with its state. A device leaves when it
// is reached, which may be never: give ctx a deadline. The organization is read first,
// because its slug can become another's during the wait.
func (c *Client) WaitForDevices(ctx context.Context, idOrSlug string, options ListDevicesPageOptions, progress func(left []Device)) error {
	options.Page = 0
	id := "" // as the first read confirms it
	return c.rest().Wait(ctx, "WaitForDevices", idOrSlug, func(ctx context.Context) ([]errors.Step, error) {
		if id == "" {
			var err error
			if id, err = c.resolve(ctx, "WaitForDevices", idOrSlug); err != nil {
				return nil, err
			}
		}
		var left []Device
		var steps []errors.Step
		for device, err := range c.ListDevices(ctx, id, options) {
			if err != nil {
				return nil, err
			}
			left = append(left, device)
			steps = append(steps, errors.Step{Name: "device", Description: device.describe()})
		}
		if progress != nil {
			progress(left)
		}
		return steps, nil
	})
}
