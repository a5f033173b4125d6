package drift

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// Deviation is an intended difference, or several of one kind. An entry of a file may list
// several places.
type Deviation struct {
	Where  string // as [Difference.Where]; * matches any characters
	Only   Side
	Reason string
	Source string
}

// places are one or several values of [Deviation.Where] with the same reason.
type places []string

// UnmarshalYAML reads a string or a list.
func (p *places) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*p = places{one}
		return nil
	}
	return unmarshal((*[]string)(p))
}

// ReadDeviations reads a file of deviations; a missing file has none. A deviation without a
// reason and a source is an error.
func ReadDeviations(file string) ([]Deviation, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []struct {
		Where  places `yaml:"where"`
		Only   Side   `yaml:"only"`
		Reason string `yaml:"reason"`
		Source string `yaml:"source"`
	}
	if err := yaml.UnmarshalWithOptions(data, &entries, yaml.DisallowUnknownField()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []Deviation
	for _, e := range entries {
		for _, where := range e.Where {
			all = append(all, Deviation{where, e.Only, e.Reason, e.Source})
		}
		if len(e.Where) == 0 {
			all = append(all, Deviation{"", e.Only, e.Reason, e.Source})
		}
	}
	for _, d := range all {
		if d.Where == "" || d.Reason == "" || d.Source == "" {
			return nil, fmt.Errorf("%s: %q: a deviation needs where, reason and source", file, d.Where)
		}
		if d.Only != Both && d.Only != Ours && d.Only != Vendor {
			return nil, fmt.Errorf("%s: %q: only is %q", file, d.Where, d.Only)
		}
	}
	return all, nil
}

// Explain divides differences into those without and those with a deviation, and returns
// the deviations that match no difference.
func Explain(differences []Difference, deviations []Deviation) (unexplained []Difference, explained map[Difference]Deviation, unused []Deviation) {
	explained = map[Difference]Deviation{}
	used := make([]bool, len(deviations))
	patterns := make([]*regexp.Regexp, len(deviations))
	for i, d := range deviations {
		patterns[i] = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(d.Where), `\*`, ".*") + "$")
	}
	for _, difference := range differences {
		found := false
		for i, d := range deviations {
			if d.Only == difference.Only && patterns[i].MatchString(difference.Where) {
				used[i], found = true, true
				explained[difference] = d
			}
		}
		if !found {
			unexplained = append(unexplained, difference)
		}
	}
	for i, d := range deviations {
		if !used[i] {
			unused = append(unused, d)
		}
	}
	return unexplained, explained, unused
}
