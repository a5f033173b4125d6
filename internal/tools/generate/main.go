// Command generate writes a provider's api.gen.go and options.gen.go from
// openapi/PROVIDER.yaml.
//
// The generator is github.com/deepmap/oapi-codegen/v2. This program prepares the
// description for it, so that the description does not need the generator's extensions, and
// adds the functions that openapi/client.tmpl uses.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/deepmap/oapi-codegen/v2/pkg/codegen"
	"github.com/getkin/kin-openapi/openapi3"
	"gopkg.in/yaml.v3"
)

// root is the module that is written to, relative to the module of this program.
const root = "../.."

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	for _, provider := range os.Args[1:] {
		if err := generate(provider); err != nil {
			log.Fatalf("%s: %v", provider, err)
		}
	}
}

func generate(provider string) error {
	config, err := configuration(provider)
	if err != nil {
		return err
	}
	source, err := os.ReadFile(filepath.Join(root, "openapi", provider+".yaml"))
	if err != nil {
		return err
	}
	if err := writeOptions(provider, source); err != nil {
		return err
	}
	prepared, err := prepare(source)
	if err != nil {
		return err
	}
	spec, err := openapi3.NewLoader().LoadFromData(prepared)
	if err != nil {
		return err
	}
	for name, schema := range spec.Components.Schemas {
		if _, ok := schema.Value.Extensions["x-go-type"]; ok {
			config.OutputOptions.ExcludeSchemas = append(config.OutputOptions.ExcludeSchemas, name)
		}
	}
	var items map[string]string
	codegen.TemplateFunctions["method"] = describe
	codegen.TemplateFunctions["identity"] = func(name string) string {
		if items == nil { // the generator's names exist only while it runs
			items = listItems(spec)
		}
		return items[name]
	}
	code, err := codegen.Generate(spec, config)
	if err != nil {
		return err
	}
	var internal []string
	for name, schema := range spec.Components.Schemas {
		if extension(schema.Value.Extensions, "x-internal") == "true" {
			internal = append(internal, codegen.SchemaNameToTypeName(name))
		}
	}
	if code, err = unexport(code, internal); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, provider, "api.gen.go"), []byte(code), 0o644)
}

// configuration reads the generator's own configuration, which names templates relative to
// its directory.
func configuration(provider string) (codegen.Configuration, error) {
	var config codegen.Configuration
	folder := filepath.Join(root, "openapi")
	data, err := os.ReadFile(filepath.Join(folder, "generate.yaml"))
	if err != nil {
		return config, err
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return config, err
	}
	config.PackageName = provider
	for name, template := range config.OutputOptions.UserTemplates {
		if path := filepath.Join(folder, template); fileExists(path) {
			config.OutputOptions.UserTemplates[name] = path
		}
	}
	if err := config.Validate(); err != nil {
		return config, fmt.Errorf("generate.yaml: %w", err)
	}
	return config, nil
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
