package volterra

import "github.com/offboard-dev/offboard-go/errors"

// DeletionReason is why a tenant is to be deleted.
type DeletionReason string

// The reasons that F5 knows.
const (
	ReasonUnknown          DeletionReason = "REASON_UNKNOWN" // as if none was given
	ReasonSwitchToFreePlan DeletionReason = "REASON_SWITCH_TO_FREE_PLAN"
	ReasonNoLongerNeeded   DeletionReason = "REASON_NO_LONGER_NEEDED"
	ReasonNotJustifyCosts  DeletionReason = "REASON_NOT_JUSTIFY_COSTS" // too expensive
	ReasonDifficultToUse   DeletionReason = "REASON_DIFFICULT_TO_USE"
)

// TenantState is the state of a tenant.
type TenantState string

// The states that F5 knows. Others are kept as they come.
const (
	StateUndefined         TenantState = "StateUndefined"
	StateCreating          TenantState = "StateCreating"
	StateCreateFailed      TenantState = "StateCreateFailed"
	StateInactive          TenantState = "StateInactive" // created, without accounts for support and billing
	StateActive            TenantState = "StateActive"
	StateSuspended         TenantState = "StateSuspended" // for unpaid invoices, or by an administrator
	StateDisabled          TenantState = "StateDisabled"  // before its deletion
	StateConfiguring       TenantState = "StateConfiguring"
	StateConfiguringFailed TenantState = "StateConfiguringFailed"
)

// absent is a field that a success must not have, whatever its value.
type absent struct{}

// UnmarshalJSON refuses.
func (*absent) UnmarshalJSON([]byte) error { return errors.New("volterra: a field of an error") }
