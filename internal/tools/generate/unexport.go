package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// unexport renames types to unexported names. Fields and methods of the same name stay.
func unexport(code string, types []string) (string, error) {
	if len(types) == 0 {
		return code, nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", code, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var offsets []int // of the first letters
	rename := func(pos token.Pos) { offsets = append(offsets, files.Position(pos).Offset) }
	isMember := map[*ast.Ident]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				isMember[name] = true
			}
		case *ast.FuncDecl:
			isMember[n.Name] = true
		case *ast.SelectorExpr:
			isMember[n.Sel] = true
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				isMember[key] = true
			}
		case *ast.GenDecl: // its comment starts with the name of the type
			if spec, ok := n.Specs[0].(*ast.TypeSpec); ok && n.Doc != nil && slices.Contains(types, spec.Name.Name) &&
				strings.HasPrefix(n.Doc.List[0].Text, "// "+spec.Name.Name) {
				rename(n.Doc.Pos() + token.Pos(len("// ")))
			}
		case *ast.Ident:
			if !isMember[n] && slices.Contains(types, n.Name) {
				rename(n.Pos())
			}
		}
		return true
	})
	edited := []byte(code)
	for _, offset := range offsets {
		edited[offset] += 'a' - 'A'
	}
	return string(edited), nil
}
