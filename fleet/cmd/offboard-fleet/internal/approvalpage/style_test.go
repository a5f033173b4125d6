package approvalpage

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Texts have the contrast that WCAG 2 requires at level AA, 4.5, and drawings 3, in the light and in
// the dark scheme.
func TestStyle_Contrast(t *testing.T) {
	t.Parallel()
	schemes := strings.Split(string(style), ":root {")[1:]
	if len(schemes) != 2 {
		t.Fatalf("got %d color schemes", len(schemes))
	}
	color := regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)
	for i, scheme := range schemes {
		scheme, _, _ = strings.Cut(scheme, "}")
		light := map[string]float64{} // the relative luminance of each color
		for _, found := range color.FindAllStringSubmatch(scheme, -1) {
			light[found[1]] = luminance(t, found[2])
		}
		for _, pair := range []struct {
			text, paper string
			least       float64
		}{
			{"text", "page", 4.5}, {"text", "card", 4.5}, {"text", "border", 4.5}, {"soft", "page", 4.5}, {"soft", "card", 4.5},
			{"accent", "page", 4.5}, {"accent", "card", 4.5}, {"accent-text", "accent", 4.5}, {"bad", "page", 4.5},
			{"good", "good-bg", 4.5}, {"warn", "warn-bg", 4.5}, {"bad", "bad-bg", 4.5}, {"text", "warn-bg", 4.5}, {"soft", "warn-bg", 4.5}, {"soft", "border", 4.5},
			{"stroke", "card", 3}, {"stroke", "page", 3},
		} {
			a, b := light[pair.text], light[pair.paper]
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < pair.least {
				t.Errorf("scheme %d: the contrast of %s on %s is %.2f, want %.1f", i+1, pair.text, pair.paper, got, pair.least)
			}
		}
	}
}

// luminance returns the relative luminance of a color, as WCAG 2 defines it.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
