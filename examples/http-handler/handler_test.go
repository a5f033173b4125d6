package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The comment of the handler lists each status that a function responds with.
func TestNewHandler_CommentListsAllStatuses(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "handler.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]int{
		"StatusOK": http.StatusOK, "StatusAccepted": http.StatusAccepted, "StatusBadRequest": http.StatusBadRequest, "StatusNotFound": http.StatusNotFound,
		"StatusConflict": http.StatusConflict, "StatusServiceUnavailable": http.StatusServiceUnavailable, "StatusInternalServerError": http.StatusInternalServerError,
	}
	var used []string
	var comment string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if f.Name.Name == "newHandler" {
			comment = f.Doc.Text()
		}
		if f.Name.Name != "post" && f.Name.Name != "get" {
			continue
		}
		of := map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || len(s.Sel.Name) < 7 || s.Sel.Name[:6] != "Status" {
				return true
			}
			if values[s.Sel.Name] == 0 {
				t.Errorf("add http.%s to the test", s.Sel.Name)
			}
			of[strconv.Itoa(values[s.Sel.Name])] = true
			return true
		})
		for code := range of {
			used = append(used, f.Name.Name+" "+code)
		}
	}
	var listed []string
	endpoint := ""
	for _, line := range regexp.MustCompile(`(?m)^\t(POST|GET) |^\t  (\d{3})  `).FindAllStringSubmatch(comment, -1) {
		if line[1] != "" {
			endpoint = map[string]string{"POST": "post", "GET": "get"}[line[1]]
			continue
		}
		listed = append(listed, endpoint+" "+line[2])
	}
	slices.Sort(used)
	slices.Sort(listed)
	if diff := cmp.Diff(used, listed); diff != "" {
		t.Errorf("(-used +listed):\n%s", diff)
	}
}
