package manifest

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/manifest"
)

// parseYAML implements [manifest.Parser]. The program offboard has the same function: a package
// that both modules can import must not import a YAML library.
func parseYAML(text []byte) ([]*manifest.Node, error) {
	tokens := lexer.Tokenize(string(text))
	if fault := limitFault(tokens); fault != nil {
		return nil, fault
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
			return nil, &manifest.SyntaxError{Line: e.GetToken().Position.Line, Text: e.GetMessage(), Quotes: true}
		}
		return nil, err
	}
	var documents []*manifest.Node
	for _, d := range file.Docs {
		if _, directive := d.Body.(*ast.DirectiveNode); directive {
			continue
		}
		documents = append(documents, node(d.Body))
	}
	return documents, nil
}

// limitFault returns the fault of tokens that exceed a limit; nil for none.
func limitFault(tokens token.Tokens) *manifest.SyntaxError {
	var limits manifest.Limits
	for _, t := range tokens {
		if fault := limits.Add(t.Type.String(), t.Position.Column, len(t.Value)); fault != "" {
			return &manifest.SyntaxError{Line: t.Position.Line, Text: fault}
		}
	}
	return nil
}

// node returns a node of the library as one of a manifest.
func node(n ast.Node) *manifest.Node {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		return mapping(n.Values...)
	case *ast.MappingValueNode:
		return mapping(n)
	case *ast.SequenceNode:
		list := &manifest.Node{Kind: manifest.List, Line: n.Start.Position.Line}
		for _, item := range n.Values {
			list.Items = append(list.Items, node(item))
		}
		return list
	case *ast.NullNode:
		return &manifest.Node{Kind: manifest.Null, Line: n.Token.Position.Line}
	case *ast.LiteralNode:
		return &manifest.Node{Kind: manifest.Text, Line: n.Start.Position.Line, Text: n.Value.Value}
	case ast.ScalarNode:
		read := fmt.Sprint(n.GetValue())
		_, text := n.(*ast.StringNode)
		return &manifest.Node{Kind: manifest.Text, Line: n.GetToken().Position.Line, Text: read, Changed: !text && read != n.GetToken().Value}
	}
	panic("unknown node") // the caller recovers
}

// mapping returns a mapping of keys and values.
func mapping(values ...*ast.MappingValueNode) *manifest.Node {
	m := &manifest.Node{Kind: manifest.Mapping}
	for _, v := range values {
		t := v.Key.GetToken()
		m.Keys = append(m.Keys, manifest.Key{Name: t.Value, Line: t.Position.Line, Value: node(v.Value)})
	}
	if len(m.Keys) > 0 {
		m.Line = m.Keys[0].Line
	}
	return m
}
