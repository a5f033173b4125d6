package fleet

import (
	"net/url"
	"strings"
)

const (
	workflowPrefix = "offboard/"
	batchPrefix    = "offboard-batch/"
)

// WorkflowID returns the ID of the workflow of an organization:
//
//	offboard/<provider>/<instance>/<organization>
//
// provider and instance are those of its plan: [teardown.Plan.Provider] and [teardown.Plan.Instance].
// organization is [Entry.Organization]. Each part is escaped by [url.PathEscape]: all bytes but
// letters and digits of ASCII and -_.~$&+=:@ are written as % and two upper-case hexadecimal digits,
// such as %2F for a slash. Different organizations have different IDs. [ParseWorkflowID] is the
// inverse.
func WorkflowID(provider, instance, organization string) string {
	return workflowPrefix + url.PathEscape(provider) + "/" + url.PathEscape(instance) + "/" + url.PathEscape(organization)
}

// ParseWorkflowID returns the parts of an ID that [WorkflowID] returned. instance may be empty. The
// error is [errors.InvalidArgument] for every other text, such as the ID of a batch.
func ParseWorkflowID(id string) (provider, instance, organization string, err error) {
	parts := strings.Split(strings.TrimPrefix(id, workflowPrefix), "/")
	if len(parts) == 3 {
		for i, part := range parts {
			parts[i], _ = url.PathUnescape(part) // an invalid part is empty, which the comparison refuses
		}
		provider, instance, organization = parts[0], parts[1], parts[2]
	}
	if provider == "" || organization == "" || WorkflowID(provider, instance, organization) != id {
		return "", "", "", invalid("%q is not the ID of an organization's workflow", id)
	}
	return provider, instance, organization, nil
}
