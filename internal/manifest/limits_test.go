package manifest_test

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/manifest"
)

// token is a token of a line: its type, its column and its size.
type token struct {
	kind         string
	column, size int
}

// repeated returns n tokens of a type, each one column after the other.
func repeated(n int, kinds ...string) []token {
	var tokens []token
	for i := range n {
		for j, kind := range kinds {
			tokens = append(tokens, token{kind, 1 + i*len(kinds) + j, 1})
		}
	}
	return tokens
}

func TestLimits_Faults(t *testing.T) {
	t.Parallel()
	deep := "lists and mappings must be at most 16 deep"
	for name, test := range map[string]struct {
		tokens []token
		want   string
	}{
		"16 lists":             {repeated(16, "SequenceStart"), ""},
		"17 lists":             {repeated(17, "SequenceStart"), deep},
		"17 mappings":          {repeated(17, "MappingStart"), deep},
		"17 blocks":            {repeated(17, "SequenceEntry"), deep},
		"17 keys in a line":    {repeated(17, "String", "MappingValue"), deep},
		"closed lists":         {repeated(100, "SequenceStart", "SequenceEnd"), ""},
		"closed mappings":      {repeated(100, "MappingStart", "MappingEnd"), ""},
		"mismatched":           {repeated(17, "SequenceStart", "MappingEnd"), deep},
		"closed without start": {append([]token{{"SequenceEntry", 1, 1}}, append(repeated(1, "SequenceEnd"), repeated(16, "SequenceStart")...)...), deep},
		"new documents":        {repeated(17, "SequenceStart", "DocumentHeader"), deep},
		"anchor":               {repeated(1, "Anchor"), "anchors, aliases and merge keys are not supported: repeat the value"},
		"alias":                {repeated(1, "Alias"), "anchors, aliases and merge keys are not supported: repeat the value"},
		"merge key":            {repeated(1, "MergeKey"), "anchors, aliases and merge keys are not supported: repeat the value"},
		"tag":                  {repeated(1, "Tag"), "tags are not supported: write a text in quotes"},
		"explicit key":         {repeated(1, "MappingKey"), "? is not supported: write KEY: VALUE"},
		"64 bytes":             {[]token{{"String", 1, 64}, {"MappingValue", 65, 1}}, ""},
		"65 bytes":             {[]token{{"String", 1, 65}, {"MappingValue", 66, 1}}, "a key must be a text of at most 64 bytes"},
		"list as key":          {repeated(1, "SequenceStart", "SequenceEnd", "MappingValue"), "a key must be a text of at most 64 bytes"},
		"key without a text":   {repeated(2, "MappingValue"), "a key must be a text of at most 64 bytes"},
		"a list of entries":    {entries(100), ""},
		"too many values":      {repeated(2<<20+1, "String"), "the manifest has more than 1048576 values"},
		"64 keys":              {keys(64), ""},
		"65 keys":              {keys(65), "a mapping must have at most 64 keys"},
		"65 keys in braces":    {append(repeated(1, "MappingStart"), repeated(65, "String", "MappingValue", "String")...), "a mapping must have at most 64 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l manifest.Limits
			for i, at := range test.tokens {
				if fault := l.Add(at.kind, at.column, at.size); fault != "" {
					if fault != test.want {
						t.Errorf("token %d: got %s, want %s", i, fault, test.want)
					}
					return
				}
			}
			if test.want != "" {
				t.Errorf("got no fault, want %s", test.want)
			}
		})
	}
}

// keys returns the tokens of a mapping with n keys, one on each line.
func keys(n int) []token {
	var tokens []token
	for range n {
		tokens = append(tokens, token{"String", 1, 1}, token{"MappingValue", 2, 1}, token{"String", 4, 1})
	}
	return tokens
}

// entries returns the tokens of a list with n mappings of two keys.
func entries(n int) []token {
	tokens := []token{{"String", 1, 13}, {"MappingValue", 14, 1}}
	for range n {
		tokens = append(tokens, token{"SequenceEntry", 3, 1})
		for range 2 {
			tokens = append(tokens, token{"String", 5, 1}, token{"MappingValue", 6, 1}, token{"String", 8, 1})
		}
	}
	return tokens
}

// A panic of the YAML library is an error of the manifest.
func TestParse_Panic(t *testing.T) {
	t.Parallel()
	_, err := manifest.Parse([]byte("a"), "m", func([]byte) ([]*manifest.Node, error) { panic("secret-value") })
	if err == nil || err.Error() != "m: invalid YAML" {
		t.Error(err)
	}
}

// A message of the YAML library may quote the manifest.
func TestParse_MessageOfLibrary(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`mapping key "confirm" already defined`:      `m:7: mapping key "confirm" already defined`,
		`mapping key "secret" value" already`:        `m:7: mapping key "…" already`,
		`unexpected "`:                               `m:7: unexpected "…"`,
		"an escape \x1b[2J and a line\nof the value": "m:7: an escape \uFFFD[2J and a line\uFFFDof the value",
	} {
		_, err := manifest.Parse([]byte("a"), "m", func([]byte) ([]*manifest.Node, error) {
			return nil, &manifest.SyntaxError{Line: 7, Text: message, Quotes: true}
		})
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want %s", message, err, want)
		}
	}
}
