package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"
)

// options are the fields of x-options of a description, for openapi/options.tmpl.
type options struct {
	Package   string `yaml:"-"`
	Version   string `yaml:"-"` // of the API
	Timeout   string `yaml:"timeout"`
	BaseURL   string `yaml:"base-url"`
	RateLimit string `yaml:"rate-limit"`

	// TokenSource is the text of WithTokenSource; "" for a provider without bearer tokens.
	TokenSource string `yaml:"token-source"`
}

// writeOptions writes a provider's options.gen.go: the options that all providers share,
// with the texts of the provider.
func writeOptions(provider string, source []byte) error {
	var document struct {
		Info struct {
			Version string `yaml:"version"`
		} `yaml:"info"`
		Options options `yaml:"x-options"`
	}
	if err := yaml.Unmarshal(source, &document); err != nil {
		return err
	}
	o := document.Options
	if o.Timeout == "" || o.BaseURL == "" || o.RateLimit == "" {
		return fmt.Errorf("x-options lacks a text")
	}
	o.Package, o.Version = provider, document.Info.Version
	t, err := template.New("options.tmpl").Funcs(template.FuncMap{"comment": docComment}).
		ParseFiles(filepath.Join(root, "openapi", "options.tmpl"))
	if err != nil {
		return err
	}
	var code bytes.Buffer
	if err := t.Execute(&code, o); err != nil {
		return err
	}
	formatted, err := format.Source(code.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, provider, "options.gen.go"), formatted, 0o644)
}

// docComment returns a doc comment with lines of at most 92 characters.
func docComment(text string) string {
	const width = 92
	var lines []string
	line := "//"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = "//"
		}
		line += " " + word
	}
	return strings.Join(append(lines, line), "\n")
}
