package workspacetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
	"github.com/offboard-dev/offboard-go/workspace"
)

// Device is a device of an organization, or an enrollment that waits for one.
type Device struct {
	ID      string
	Type    workspace.DeviceType    // android, if it is empty
	SubType workspace.DeviceSubType // device, if it is empty
	Name    string                  // that of the type, if it is empty
	State   string                  // ACTIVE or PENDING, if it is empty; the words are the double's own
	User    User
	Tags    []string
	Segment int // the ID of a segment; 0 for none

	// Deleted: it is on lists only when they are asked for what is deleted.
	Deleted bool

	// Unreachable: no message can be pushed to it, so that it cannot be told to leave.
	Unreachable bool

	// Offline is how long a device takes to hear that it is told to leave; 30 seconds,
	// if it is zero.
	Offline time.Duration

	// Leaves is when it is gone; zero as long as it was not told to leave.
	Leaves time.Time
}

func (s *Server) completeDevice(d *Device) {
	s.identify(&d.ID)
	d.Type = cmp.Or(d.Type, workspace.DeviceTypeAndroid)
	d.SubType = cmp.Or(d.SubType, workspace.DeviceSubTypeDevice)
	d.Name = cmp.Or(d.Name, string(d.Type))
	state := "ACTIVE"
	if d.SubType == workspace.DeviceSubTypeEnrollment {
		state = "PENDING"
	}
	d.State = cmp.Or(d.State, state)
	d.Offline = cmp.Or(d.Offline, 30*time.Second)
	s.identify(&d.User.ID)
	d.User = d.User.complete()
}

// deleted reports whether a device is deleted by now.
func (d *Device) deleted() bool {
	return d.Deleted || !d.Leaves.IsZero() && !time.Now().Before(d.Leaves)
}

func (d *Device) state() string {
	switch {
	case d.deleted():
		return "DELETED"
	case !d.Leaves.IsZero():
		return "PENDING_DISENROLL"
	}
	return d.State
}

func (s *Server) listDevices(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
	var items []fake.Object
	for i := range o.Devices {
		d := &o.Devices[i]
		if d.deleted() || !is(r, "type", string(d.Type)) || !is(r, "subType", string(d.SubType)) ||
			!is(r, "state", d.state()) || !is(r, "name", d.Name) || !is(r, "mdmUserId", d.User.ID) ||
			!tagged(r, d.Tags) || !strings.Contains(d.Name, r.URL.Query().Get("search")) {
			continue
		}
		items = append(items, fake.Object{
			"id": d.ID, "type": d.Type, "subType": d.SubType, "state": d.state(), "organization": o.ID,
			"organizationInfo": fake.Object{"id": o.ID, "name": o.Name},
		})
	}
	page(w, r, items)
}

// listPlatform lists the devices of one platform.
func (s *Server) listPlatform(platform workspace.DeviceType) about {
	return func(w http.ResponseWriter, r *http.Request, o *Organization, _ *caller) {
		query := r.URL.Query()
		segments := o.expand(query.Get("segmentId"), query.Get("expandTo"))
		var items []fake.Object
		for i := range o.Devices {
			d := &o.Devices[i]
			if d.Type != platform || d.deleted() && query.Get("show-deleted") != "true" ||
				!is(r, "mdm-user", d.User.ID) || !tagged(r, d.Tags) ||
				segments != nil && !slices.Contains(segments, d.Segment) {
				continue
			}
			items = append(items, d.object(o))
		}
		page(w, r, items)
	}
}

// object is what the list of the device's platform shows of it.
func (d *Device) object(o *Organization) fake.Object {
	user := fake.Object{"id": d.User.ID, "email": d.User.Email}
	if d.Type == workspace.DeviceTypeAndroid {
		return fake.Object{"id": d.ID, "organization": o.ID, "emmEnterprise": o.ID, "mdmUser": user}
	}
	all := fake.Object{
		"id": d.ID, "mdmUser": user, "displayName": d.Name, "tags": orEmpty(d.Tags), "state": d.state(),
		"type": d.Type, "subType": d.SubType, "lastStatusReportTime": date(o.Created),
	}
	if d.Type == workspace.DeviceTypeApple {
		all["organization"], all["admEnterprise"] = o.ID, o.ID
	} else {
		all["organizationId"], all["winEnterpriseId"], all["winId"], all["enrolledDate"] = o.ID, o.ID, d.ID, date(o.Created)
	}
	return all
}

// expand returns the segments that a selection by one means; nil for all.
func (o *Organization) expand(segment, to string) []int {
	id, err := strconv.Atoi(segment)
	if err != nil {
		return nil
	}
	var path []Segment // from the top to the segment
	for at := o.Segments; ; {
		i := slices.IndexFunc(at, func(s Segment) bool { return s.contains(id) })
		if i < 0 {
			break
		}
		path = append(path, at[i])
		at = at[i].Children
	}
	selected := []int{id}
	switch workspace.SegmentExpansion(to) {
	case workspace.SegmentExpansionAncestors:
		for _, s := range path {
			selected = append(selected, s.ID)
		}
	case workspace.SegmentExpansionChildren:
		if len(path) > 0 {
			selected = path[len(path)-1].ids()
		}
	}
	return selected
}

// ids returns the ids of the segment and all below it.
func (s Segment) ids() []int {
	all := []int{s.ID}
	for _, child := range s.Children {
		all = append(all, child.ids()...)
	}
	return all
}

// contains reports whether a segment is this one or below it.
func (s Segment) contains(id int) bool { return slices.Contains(s.ids(), id) }

// disenroll tells a device to leave, which it does after some time. To be told
// again changes nothing.
func (s *Server) disenroll(w http.ResponseWriter, r *http.Request, o *Organization, by *caller) {
	i := slices.IndexFunc(o.Devices, func(d Device) bool {
		return d.Type == workspace.DeviceTypeAOSP && d.ID == r.PathValue("device") && !d.deleted()
	})
	if i < 0 {
		failure(w, http.StatusNotFound, 3001)
		return
	}
	d := &o.Devices[i]
	switch {
	case !o.mayManage(by):
		failure(w, http.StatusUnauthorized, 4001)
		return
	case d.Unreachable:
		failure(w, http.StatusBadRequest, 5173)
		return
	case d.Leaves.IsZero():
		d.Leaves = time.Now().Add(d.Offline)
	}
	success(w, fake.Object{"status": true})
}
