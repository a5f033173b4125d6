package volterra

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

func (t *ChildTenant) uid() string { return t.SystemMetadata.UID }

func (m *ChildTenantManager) uid() string { return m.SystemMetadata.UID }

func (t *ManagedTenant) uid() string { return t.SystemMetadata.UID }

func (n *Namespace) uid() string { return n.SystemMetadata.UID }

func (s *AddonSubscription) uid() string { return s.SystemMetadata.UID }

func (m SystemMetadata) deleting() bool { return !m.Deleted.IsZero() }

func (t *ChildTenant) deleting() bool {
	return t.Spec.Status == ChildTenantStateDeleteInProgress || t.SystemMetadata.deleting()
}

func (m *ChildTenantManager) deleting() bool { return m.SystemMetadata.deleting() }

func (t *ManagedTenant) deleting() bool { return t.SystemMetadata.deleting() }

func (n *Namespace) deleting() bool { return n.SystemMetadata.deleting() }

func (s *AddonSubscription) deleting() bool { return s.SystemMetadata.deleting() }

// ended reports whether the subscription has ended; its object still exists.
func (s *AddonSubscription) ended() bool { return s.Spec.Status == AddonSubscriptionStateDisabled }

// endRequested reports whether the end of the subscription was requested.
func (s *AddonSubscription) endRequested() bool {
	return s.ended() || s.Spec.Status == AddonSubscriptionStateDisablePending || s.deleting()
}

// ticket returns the ticket of an unsubscription that F5 must approve; "" if no ticket exists.
func (s *AddonSubscription) ticket() string {
	if s.Spec.Status != AddonSubscriptionStateDisablePending {
		return ""
	}
	return s.Spec.Notification.SupportTickets.UnsubscriptionTicketID
}

// describe returns the state and the ticket of the subscription.
func (s *AddonSubscription) describe() string {
	text := string(s.Spec.Status)
	if ticket := s.ticket(); ticket != "" {
		text += ", ticket " + ticket
	}
	return text
}

// DeletionReason is the reason for the deletion of a tenant.
type DeletionReason string

// Values of [DeletionReason].
const (
	ReasonUnknown          DeletionReason = "REASON_UNKNOWN" // same as no reason
	ReasonSwitchToFreePlan DeletionReason = "REASON_SWITCH_TO_FREE_PLAN"
	ReasonNoLongerNeeded   DeletionReason = "REASON_NO_LONGER_NEEDED"
	ReasonNotJustifyCosts  DeletionReason = "REASON_NOT_JUSTIFY_COSTS" // too expensive
	ReasonDifficultToUse   DeletionReason = "REASON_DIFFICULT_TO_USE"
)

// reasons are the values of [DeletionReason].
var reasons = []DeletionReason{
	ReasonUnknown, ReasonSwitchToFreePlan, ReasonNoLongerNeeded, ReasonNotJustifyCosts, ReasonDifficultToUse,
}

// TenantState is the state of a tenant.
type TenantState string

// Values of [TenantState]. F5 may return other values.
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

// absent is a member that a success must not contain.
type absent struct{}

// UnmarshalJSON returns an error for every value.
func (*absent) UnmarshalJSON([]byte) error {
	return errors.New("volterra: a success contains a member of an error")
}

// AddonService is an addon service that [Client.Unsubscribe] accepts. Its JSON form is the request to
// unsubscribe: an object with the service as its only member.
type AddonService string

// Values of [AddonService] that F5 documents.
const (
	AddonAppStackStandard               AddonService = "f5xc_appstack_standard"
	AddonBIGIPIRuleStandard             AddonService = "f5xc_big_ip_irule_standard"
	AddonBIGIPUtilitiesStandard         AddonService = "f5xc_bigip_utilities_standard"
	AddonContentDeliveryNetworkAdvanced AddonService = "f5xc_content_delivery_network_advanced"
	AddonContentDeliveryNetworkStandard AddonService = "f5xc_content_delivery_network_standard"
	AddonDelegatedAccessStandard        AddonService = "f5xc_delegated_access_standard"
	AddonSecureMeshAdvanced             AddonService = "f5xc_securemesh_advanced"
	AddonSecureMeshStandard             AddonService = "f5xc_securemesh_standard"
	AddonSiteManagementStandard         AddonService = "f5xc_site_management_standard"
	AddonSyntheticMonitoringStandard    AddonService = "f5xc_synthetic_monitoring_standard"
	AddonWAAPAdvanced                   AddonService = "f5xc_waap_advanced"
	AddonWAAPStandard                   AddonService = "f5xc_waap_standard"
	AddonWebAppScanningStandard         AddonService = "f5xc_web_app_scanning_standard"
)

// known reports whether F5 documents a request to unsubscribe from the service.
func (s AddonService) known() bool {
	switch s {
	case AddonAppStackStandard, AddonBIGIPIRuleStandard, AddonBIGIPUtilitiesStandard,
		AddonContentDeliveryNetworkAdvanced, AddonContentDeliveryNetworkStandard, AddonDelegatedAccessStandard,
		AddonSecureMeshAdvanced, AddonSecureMeshStandard, AddonSiteManagementStandard,
		AddonSyntheticMonitoringStandard, AddonWAAPAdvanced, AddonWAAPStandard, AddonWebAppScanningStandard:
		return true
	}
	return false
}

// MarshalJSON returns the request to unsubscribe.
func (s AddonService) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]struct{}{string(s): {}})
}

// Cents is an amount in hundredths of its currency. The API writes it as a JSON string.
type Cents int64

// UnmarshalJSON reads an integer, as a JSON number or string; null is zero.
func (c *Cents) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	if unquoted, ok := strings.CutPrefix(text, `"`); ok {
		text = strings.TrimSuffix(unquoted, `"`)
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("volterra: an amount must be an integer")
	}
	*c = Cents(value)
	return nil
}

// MarshalJSON returns the amount as a JSON string.
func (c Cents) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(c), 10)), nil
}
