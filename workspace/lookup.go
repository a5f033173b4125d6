package workspace

import (
	"encoding/json"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// confirm compares an organization that was asked for with the one that answered,
// and returns its id. A slug may have 24 hexadecimal digits too, so that even an
// id can lead to another organization than the one that is meant.
func confirm(operation, idOrSlug, foundID, foundSlug string) (string, error) {
	e := &errors.Error{Provider: provider, Operation: operation, Target: idOrSlug}
	asked, id := strings.ToLower(idOrSlug), strings.ToLower(foundID)
	isID := rest.Hex24(asked) == nil
	switch {
	case rest.Hex24(id) != nil:
		e.Code, e.Err = errors.UnexpectedResponse, errors.New("the organization that answers has an id that is none")
	case isID && id != asked, !isID && foundSlug != "" && strings.ToLower(foundSlug) != asked:
		e.Code, e.Err = errors.NotConfirmed, errors.New("the organization that answers is another one, with the id "+id)
	default:
		return id, nil
	}
	return "", e
}

// UnmarshalJSON takes the id by either name: id, as documented, or _id, as others
// have met it.
func (o *Organization) UnmarshalJSON(data []byte) error {
	type plain Organization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil || o.ID != "" {
		return err
	}
	return underscored(data, &o.ID)
}

// UnmarshalJSON takes the id by either name, as that of [Organization] does.
func (o *WorkspaceOrganization) UnmarshalJSON(data []byte) error {
	type plain WorkspaceOrganization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil || o.ID != "" {
		return err
	}
	return underscored(data, &o.ID)
}

func underscored(data []byte, id *string) error {
	var in struct {
		ID string `json:"_id"`
	}
	err := json.Unmarshal(data, &in)
	*id = in.ID
	return err
}
