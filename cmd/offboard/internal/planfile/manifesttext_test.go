package planfile

import (
	"bytes"
	"strings"
	"testing"
)

func TestManifest_ByteOrderMark(t *testing.T) {
	t.Parallel()
	m, _, err := ParseManifest(strings.NewReader("\ufeff"+ManifestExample), "m.yaml")
	if err != nil || len(m.Organizations) != 2 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestManifest_TooLarge(t *testing.T) {
	t.Parallel()
	_, _, err := ParseManifest(bytes.NewReader(bytes.Repeat([]byte("#"), maxManifest+1)), "m.yaml")
	if err == nil || !strings.Contains(err.Error(), "exceeds") {
		t.Errorf("got %v", err)
	}
}
