package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// prepare changes a description so that the generator writes good Go:
//
//   - Properties keep the order of the description.
//   - An optional property is a value that is not sent when it is zero; only a nullable one is
//     a pointer.
//   - A property with one possible value is not an enum but a condition of success, which
//     client.tmpl writes (x-const).
//   - Shared parameters and responses are copied to their uses, so that the generator makes no
//     types of them.
func prepare(source []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	top := doc.Content[0]
	for _, shared := range []string{"parameters", "responses"} {
		if err := inline(top, "#/components/"+shared+"/", find(top, "components", shared)); err != nil {
			return nil, err
		}
		remove(find(top, "components"), shared)
	}
	walk(top, prepareSchema)
	return yaml.Marshal(&doc)
}

// inline replaces references below n by copies of their targets.
func inline(n *yaml.Node, prefix string, shared *yaml.Node) error {
	if ref := find(n, "$ref"); ref != nil && strings.HasPrefix(ref.Value, prefix) {
		target := find(shared, strings.TrimPrefix(ref.Value, prefix))
		if target == nil {
			return fmt.Errorf("line %d: missing %s", ref.Line, ref.Value)
		}
		*n = *clone(target)
		return nil
	}
	for _, child := range n.Content {
		if err := inline(child, prefix, shared); err != nil {
			return err
		}
	}
	return nil
}

func prepareSchema(schema *yaml.Node) {
	if enum := find(schema, "enum"); enum != nil && len(enum.Content) == 1 {
		set(schema, "x-const", enum.Content[0])
		remove(schema, "enum")
	}
	properties := find(schema, "properties")
	if properties == nil || properties.Kind != yaml.MappingNode {
		return
	}
	var required []string
	if list := find(schema, "required"); list != nil {
		_ = list.Decode(&required)
	}
	for i := 0; i < len(properties.Content); i += 2 {
		name, property := properties.Content[i].Value, properties.Content[i+1]
		if ref := find(property, "$ref"); ref != nil {
			// The siblings of a reference are lost, but not those of an allOf.
			set(property, "allOf", sequence(mapping("$ref", ref.Value)))
			remove(property, "$ref")
		}
		set(property, "x-order", scalar("!!int", strconv.Itoa(i/2+1)))
		if nullable := find(property, "nullable"); slices.Contains(required, name) || nullable != nil && nullable.Value == "true" {
			continue
		}
		set(property, "x-go-type-skip-optional-pointer", scalar("!!bool", "true"))
		set(property, "x-oapi-codegen-extra-tags", mapping("json", name+",omitzero"))
	}
}

// walk calls f for every mapping below n.
func walk(n *yaml.Node, f func(*yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		f(n)
	}
	for _, child := range n.Content {
		walk(child, f)
	}
}

// find follows keys of mappings; nil if one is missing.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		n = value(n, key)
	}
	return n
}

func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func set(n *yaml.Node, key string, to *yaml.Node) {
	remove(n, key)
	n.Content = append(n.Content, scalar("!!str", key), to)
}

func remove(n *yaml.Node, key string) {
	if n == nil {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func mapping(key, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{
		scalar("!!str", key), scalar("!!str", value),
	}}
}

func sequence(of ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: of}
}
