package review

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/secrets"
)

// The maximum sizes of the texts of a decision in bytes.
const (
	maxPerson = 200
	maxReason = 1000
)

// PersonFault returns why the name of a person who decides is refused; "" for none.
func PersonFault(by string) string {
	if strings.TrimSpace(by) == "" {
		return "the name of the person who decides is missing"
	}
	return textFault("the name of the person who decides", by, maxPerson)
}

// ReasonFault returns why the reason of a decision is refused; "" for none.
func ReasonFault(reason string) string { return textFault("the reason", reason, maxReason) }

// textFault returns the fault of a text that a person gives. Temporal stores it in the history of the
// workflow, and all programs show it.
func textFault(what, text string, limit int) string {
	text = strings.TrimSpace(text)
	switch {
	case !utf8.ValidString(text):
		return what + " is not valid UTF-8"
	case len(text) > limit:
		return fmt.Sprintf("%s is longer than %d bytes", what, limit)
	case printable.Text(text) != text:
		return what + " has a line end, or a character that does not print"
	case CredentialFault(text) != "" || secrets.LooksLikeToken(text):
		return what + " looks like a credential, which the history of the workflow would keep"
	}
	return ""
}

// credentialVariables are the variables with credentials of this program. [secrets.Fault] knows those of
// the providers.
var credentialVariables = []string{"TEMPORAL_API_KEY", "DATABASE_URL", "PGPASSWORD"}

// CredentialFault returns why a text is refused because it is a credential; "" if nothing shows that.
func CredentialFault(text string) string { return secrets.Fault(text, credentialVariables...) }
