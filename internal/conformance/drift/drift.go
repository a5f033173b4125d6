// Package drift compares one of our API descriptions with the vendor's and lists the
// differences.
//
// Compare covers the operations of our description: parameters, statuses, error codes,
// media types, and the properties, types and enum values of requests and answers. A schema
// of ours is compared with all schemas that the vendor has in the same place of some
// operation, merged: vendors have one schema per operation where ours has one per resource.
package drift

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Side is the description that alone has a part.
type Side string

// Values of [Side].
const (
	Both   Side = ""       // both have the part, and differ
	Ours   Side = "ours"   // only ours
	Vendor Side = "vendor" // only the vendor's
)

// Difference is one difference between the descriptions.
type Difference struct {
	// Where is the operation, "GET /disks/disk"; a parameter of it, "GET
	// /disks/disk?page"; a status, "GET /disks/disk 404"; a code or media type, "GET
	// /disks/disk 404 disk_not_found", "PUT /disks/disk body application/json"; a property, "Disk.name", and "GET /disks/disk
	// 200.disk" or "PUT /disks/disk body.disk" outside of named schemas; or a value of
	// an enum, `Disk.state "built"`.
	Where string

	Only Side
	What string // describes the difference
}

// Compare returns the differences, sorted by place.
func Compare(ours *openapi3.T, vendors []*openapi3.T) []Difference {
	c := &comparison{places: map[string]*place{}, seen: map[pair]bool{}}
	for path, item := range ours.Paths.Map() {
		for method, op := range item.Operations() {
			where := method + " " + path
			theirs := Find(vendors, method, base(ours)+path)
			if theirs == nil {
				c.add(where, Ours, "operation")
				continue
			}
			c.parameters(where, append(slices.Clone(item.Parameters), op.Parameters...), theirs.parameters)
			c.body(where, op, theirs.op)
			c.responses(where, op, theirs.op)
		}
	}
	for _, p := range c.places {
		c.place(p)
	}
	slices.SortFunc(c.found, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Where, b.Where), strings.Compare(string(a.Only), string(b.Only)), strings.Compare(a.What, b.What))
	})
	return slices.Compact(c.found)
}

// comparison collects differences, and schemas in the same place.
type comparison struct {
	found  []Difference
	places map[string]*place
	seen   map[pair]bool
}

// place is a schema of ours and all schemas of the vendor in its place.
type place struct {
	name   string
	ours   *openapi3.Schema
	theirs []*openapi3.Schema
}

type pair struct {
	name   string
	theirs *openapi3.Schema
}

func (c *comparison) add(where string, only Side, format string, args ...any) {
	c.found = append(c.found, Difference{where, only, fmt.Sprintf(format, args...)})
}

// sets reports the elements that only one of two sets has.
func (c *comparison) sets(where, separator, what string, ours, theirs []string) {
	for _, name := range ours {
		if !slices.Contains(theirs, name) {
			c.add(where+separator+name, Ours, "%s", what)
		}
	}
	for _, name := range theirs {
		if !slices.Contains(ours, name) {
			c.add(where+separator+name, Vendor, "%s", what)
		}
	}
}

func (c *comparison) parameters(where string, ours, theirs openapi3.Parameters) {
	mine, other := parameters(ours), parameters(theirs)
	c.sets(where, "?", "parameter", slices.Collect(maps.Keys(mine)), slices.Collect(maps.Keys(other)))
	for name, p := range mine {
		o, ok := other[name]
		if !ok {
			continue
		}
		if o.Required && !p.Required {
			c.add(where+"?"+name, Both, "required by the vendor, optional in ours")
		}
		c.collect(where+"?"+name, p.Schema, o.Schema)
	}
}

func (c *comparison) body(where string, ours, theirs *openapi3.Operation) {
	mine, other := requestSchema(ours), requestSchema(theirs)
	switch {
	case mine == nil && other == nil:
	case other == nil:
		c.add(where+" body", Ours, "request body")
	case mine == nil:
		c.add(where+" body", Vendor, "request body")
	default:
		c.mediaTypes(where+" body", ours.RequestBody.Value.Content, theirs.RequestBody.Value.Content)
		c.collect(where+" body", mine, other)
	}
}

func (c *comparison) responses(where string, ours, theirs *openapi3.Operation) {
	mine, other := ours.Responses.Map(), theirs.Responses.Map()
	c.sets(where, " ", "status", slices.Collect(maps.Keys(mine)), slices.Collect(maps.Keys(other)))
	for status, response := range mine {
		o, ok := other[status]
		if !ok {
			continue
		}
		at := where + " " + status
		if n, err := strconv.Atoi(status); err != nil || n > 299 {
			if codes := vendorCodes(o.Value); len(codes) > 0 {
				c.sets(at, " ", "error code", xCodes(response.Value), codes)
			}
			continue
		}
		c.mediaTypes(at, response.Value.Content, o.Value.Content)
		if schema := schemaOf(response.Value.Content); schema != nil {
			if theirSchema := schemaOf(o.Value.Content); theirSchema != nil {
				c.collect(at, schema, theirSchema)
			} else if len(flatten(schema.Value).properties) > 0 {
				c.add(at, Ours, "a body")
			}
		} else if theirSchema := schemaOf(o.Value.Content); theirSchema != nil {
			c.add(at, Vendor, "a body")
		}
	}
}

// mediaTypes reports media types of ours that the vendor lacks, and the vendor's that have
// a newer date than ours.
func (c *comparison) mediaTypes(where string, ours, theirs openapi3.Content) {
	for mine := range ours {
		if len(theirs) > 0 && theirs[mine] == nil {
			c.add(where+" "+mine, Ours, "media type")
		}
		for other := range theirs {
			if strings.HasSuffix(mine, "+json") && strings.HasSuffix(other, "+json") && other > mine {
				c.add(where+" "+other, Vendor, "media type, newer than ours")
			}
		}
	}
}

// collect puts two schemas and their subschemas into the same place.
func (c *comparison) collect(name string, ours, theirs *openapi3.SchemaRef) {
	if ours == nil || theirs == nil || ours.Value == nil || theirs.Value == nil {
		return
	}
	if named := refName(ours); named != "" {
		name = named
	}
	key := pair{name, theirs.Value}
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	p := c.places[name]
	if p == nil {
		p = &place{name: name, ours: ours.Value}
		c.places[name] = p
	}
	p.theirs = append(p.theirs, theirs.Value)
	mine, other := flatten(ours.Value), flatten(theirs.Value)
	for property, schema := range mine.properties {
		c.collect(name+"."+property, schema, other.property(property))
	}
	c.collect(name, mine.items, other.items)
	c.collect(name, mine.additional, other.additional)
}

// place compares a schema of ours with all those in its place.
func (c *comparison) place(p *place) {
	ours := flatten(p.ours)
	var theirs []*flat
	for _, schema := range p.theirs {
		theirs = append(theirs, flatten(schema))
	}
	types, enums, properties := map[string]bool{}, map[string]bool{}, map[string]bool{}
	open := false
	for _, t := range theirs {
		types[t.kind] = true
		open = open || t.kind == "object" && len(t.properties) == 0 && t.additional != nil
		for _, value := range t.enum {
			enums[value] = true
		}
		for name := range t.properties {
			properties[name] = true
		}
	}
	if !types[ours.kind] && ours.kind != "" && !types[""] {
		c.add(p.name, Both, "is %s in ours, %s in the vendor's", ours.kind, strings.Join(slices.Sorted(maps.Keys(types)), " or "))
		return
	}
	if ours.kind != "boolean" {
		c.sets(p.name, " ", "enum value", quoted(ours.enum), quoted(slices.Collect(maps.Keys(enums))))
	}
	if ours.additional != nil && len(ours.properties) == 0 || open {
		return // a map has any keys
	}
	c.sets(p.name, ".", "property", slices.Collect(maps.Keys(ours.properties)), slices.Collect(maps.Keys(properties)))
}

func quoted(values []string) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = strconv.Quote(value)
	}
	return all
}
