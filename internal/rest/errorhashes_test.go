package rest

import (
	"strings"
	"testing"
)

// The table contains each name in any case.
func TestErrorHashes(t *testing.T) {
	t.Parallel()
	for _, name := range errorMembers {
		for _, body := range []string{`{"a":1,"` + name + `":1}`, `{"data":{"` + strings.ToUpper(name) + `":1}}`} {
			if _, suspect, err := scan([]byte(body), nil, 9, 9, 9); !suspect || err != nil {
				t.Errorf("%s: got %t and %v", body, suspect, err)
			}
		}
	}
	if _, suspect, _ := scan([]byte(`{"id":1,"name":2,"organizations":[{"sub_domain":3}]}`), nil, 9, 9, 9); suspect {
		t.Error("there is a suspect")
	}
}
