package providers

import "github.com/offboard-dev/offboard-go/errors"

// NamesNothing reports whether an error of a read shows that a text names no organization that the
// credential can delete. After another error, the text may name one.
func NamesNothing(err error) bool {
	return errors.Is(err, errors.NotFound) || errors.Is(err, errors.InvalidArgument) || errors.Is(err, errors.NotConfirmed) ||
		errors.Is(err, errors.PermissionDenied) && !errors.Is(err, errors.OutcomeUnknown)
}
