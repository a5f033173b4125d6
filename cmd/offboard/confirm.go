package main

import (
	"context"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
)

// confirm compares the confirmed name with the provider's.
func confirm(ctx context.Context, e planfile.Entry, o connect.Organization) error {
	actual, err := o.Identify(ctx)
	if err != nil {
		return err
	}
	if !planfile.Confirms(e.Confirm, actual) {
		return planfile.Misnamed("Delete", e, actual)
	}
	return nil
}
