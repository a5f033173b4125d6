package drift

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// Load reads a description in OpenAPI 3 or Swagger 2.
func Load(file string) (*openapi3.T, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	spec, err := load(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if spec.Paths.Len() == 0 {
		return nil, fmt.Errorf("%s: describes no operations", file)
	}
	return spec, nil
}

func load(data []byte) (*openapi3.T, error) {
	var version struct {
		Swagger string `json:"swagger"`
	}
	if json.Unmarshal(data, &version) == nil && version.Swagger != "" {
		var old openapi2.T
		if err := json.Unmarshal(data, &old); err != nil {
			return nil, err
		}
		return openapi2conv.ToV3(&old)
	}
	return openapi3.NewLoader().LoadFromData(data)
}

// LoadAll reads several descriptions that together describe one API.
func LoadAll(files []string) ([]*openapi3.T, error) {
	all := make([]*openapi3.T, 0, len(files))
	for _, file := range files {
		spec, err := Load(file)
		if err != nil {
			return nil, err
		}
		all = append(all, spec)
	}
	return all, nil
}
