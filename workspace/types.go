package workspace

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// UnmarshalJSON takes the id by either name: id, as documented, or _id, as others
// have met it.
func (o *Organization) UnmarshalJSON(data []byte) error {
	type plain Organization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil {
		return err
	}
	return underscored(data, &o.ID)
}

// UnmarshalJSON takes the id by either name, as that of [Organization] does.
func (o *WorkspaceOrganization) UnmarshalJSON(data []byte) error {
	type plain WorkspaceOrganization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil {
		return err
	}
	return underscored(data, &o.ID)
}

// underscored sets an id that is named _id. One that contradicts the id is an error.
func underscored(data []byte, id *string) error {
	var in struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if *id != "" && in.ID != "" && *id != in.ID {
		return errors.New("workspace: id and _id differ")
	}
	*id = cmp.Or(*id, in.ID)
	return nil
}

// Time is a point in time. What the API writes there and is none, is the zero
// Time.
type Time struct{ time.Time }

// UnmarshalJSON reads a date-time. It never fails: an organization must not be
// out of reach because of a date.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			t.Time = at.UTC()
		}
	}
	return nil
}

// MarshalJSON writes a date-time; null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// describe tells a person which device it is.
func (d *Device) describe() string {
	text := cmp.Or(string(d.Type), "device")
	if d.SubType == DeviceSubTypeEnrollment {
		text += " enrollment"
	}
	if d.ID != "" {
		text += " " + d.ID
	}
	if d.State != "" {
		text += ", " + d.State
	}
	return text
}
