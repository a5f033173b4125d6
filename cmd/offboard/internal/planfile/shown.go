package planfile

import (
	"regexp"

	"github.com/offboard-dev/offboard-go/errors"
)

// idForms are the forms of the IDs of organizations. Other names, such as a subdomain or a
// slug, cannot be distinguished from a password.
var idForms = map[string]*regexp.Regexp{
	"katapult":  regexp.MustCompile(`^org_[A-Za-z0-9_]{1,24}$`),
	"zitadel":   regexp.MustCompile(`^[0-9]{1,20}$`),
	"atlas":     regexp.MustCompile(`^[0-9a-f]{24}$`),
	"workspace": regexp.MustCompile(`^[0-9a-f]{24}$`),
}

// hasIDForm reports whether the organization has the form of an ID of its provider.
func (e Entry) hasIDForm() bool {
	form := idForms[e.Provider]
	return form != nil && form.MatchString(e.Organization)
}

// Bare returns the fields of an entry that may be shown and stored if no provider has
// confirmed them.
func (e Entry) Bare() Entry {
	b := Entry{Provider: e.Provider}
	if e.hasIDForm() {
		b.Organization = e.Organization
	}
	return b
}

// Shown returns the organization for JSON output; "" if no provider has confirmed it. found is whether
// a read has found it.
func (e Entry) Shown(found bool, err error) string {
	if e.hasIDForm() || found || confirms(err) {
		return e.Organization
	}
	return ""
}

// confirms reports whether the result of a call shows that the organization exists: a success, or
// blockers of its deletion.
func confirms(err error) bool {
	return err == nil || errors.Is(err, errors.DeletionStepsNotSatisfied)
}

// Given returns the texts of an entry that an error must not show. found is whether a read has found
// the organization.
func (e Entry) Given(found bool, err error) []string {
	given := []string{e.Email, e.Feedback, e.Reason, e.Confirm, e.BaseURL}
	if !e.hasIDForm() && !found && !confirms(err) {
		given = append(given, e.Organization)
	}
	return given
}
