package volterra

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

func (m SystemMetadata) identity() string { return m.UID }

func (t *ChildTenant) identity() string { return t.SystemMetadata.UID }

func (m *ChildTenantManager) identity() string { return m.SystemMetadata.UID }

func (t *ManagedTenant) identity() string { return t.SystemMetadata.UID }

func (s *AddonSubscription) identity() string { return s.SystemMetadata.UID }

func (m SystemMetadata) leaving() bool { return !m.Deleted.IsZero() }

func (t *ChildTenant) leaving() bool {
	return t.Spec.Status == ChildTenantStateDeleteInProgress || t.SystemMetadata.leaving()
}

func (m *ChildTenantManager) leaving() bool { return m.SystemMetadata.leaving() }

func (t *ManagedTenant) leaving() bool { return t.SystemMetadata.leaving() }

func (s *AddonSubscription) leaving() bool { return s.SystemMetadata.leaving() }

// ended reports whether the subscription is over, and only its object is left.
func (s *AddonSubscription) ended() bool { return s.Spec.Status == AddonSubscriptionStateDisabled }

// ending reports whether the end of the subscription was asked for.
func (s *AddonSubscription) ending() bool {
	return s.ended() || s.Spec.Status == AddonSubscriptionStateDisablePending || s.leaving()
}

// ticket is that of a request to end the subscription which somebody at F5 has to
// approve; "" for none.
func (s *AddonSubscription) ticket() string {
	if s.Spec.Status != AddonSubscriptionStateDisablePending {
		return ""
	}
	return s.Spec.Notification.SupportTickets.UnsubscriptionTicketID
}

// describe says how far the subscription has come.
func (s *AddonSubscription) describe() string {
	text := string(s.Spec.Status)
	if ticket := s.ticket(); ticket != "" {
		text += ", ticket " + ticket
	}
	return text
}

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

// AddonService is an addon service that the tenant can be unsubscribed from. In
// JSON it is the request for that: an object with the service as its only key.
type AddonService string

// The addon services that F5 knows.
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

// known reports whether F5 documents how to unsubscribe from a service.
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

// MarshalJSON writes the request to unsubscribe.
func (s AddonService) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]struct{}{string(s): {}})
}

// Cents is an amount in hundredths of its currency, which the API writes as a
// JSON string.
type Cents int64

// UnmarshalJSON reads a number, in quotes or not; null is zero.
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
		return errors.New("volterra: an amount is not a whole number")
	}
	*c = Cents(value)
	return nil
}

// MarshalJSON writes the number in quotes.
func (c Cents) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(c), 10)), nil
}
