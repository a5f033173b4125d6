package workspace

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// UnmarshalJSON accepts the ID as id, which is documented, and as _id, which third-party
// clients received.
func (o *Organization) UnmarshalJSON(data []byte) error {
	type plain Organization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil {
		return err
	}
	return underscored(data, &o.ID)
}

// UnmarshalJSON accepts the ID as id and as _id, like [Organization].
func (o *WorkspaceOrganization) UnmarshalJSON(data []byte) error {
	type plain WorkspaceOrganization
	if err := json.Unmarshal(data, (*plain)(o)); err != nil {
		return err
	}
	return underscored(data, &o.ID)
}

// underscored reads the member _id into id. It returns an error if both are set and differ.
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

// Time is a point in time. A value of the API that is not a date-time is the zero Time.
type Time struct{ time.Time }

// UnmarshalJSON reads a date-time. It never fails, because an invalid date must not make an
// organization unreadable.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			t.Time = at.UTC()
		}
	}
	return nil
}

// MarshalJSON returns a date-time; null for the zero Time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// describe returns the platform, ID and state of a device.
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
