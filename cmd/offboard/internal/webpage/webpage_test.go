package webpage

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Texts have the contrast that WCAG 2 requires at level AA, 4.5, and drawings 3, in each color
// scheme and in print.
func TestStyle_Contrast(t *testing.T) {
	t.Parallel()
	schemes := strings.Split(base, ":root {")[1:]
	if len(schemes) != 3 {
		t.Fatalf("got %d color schemes", len(schemes))
	}
	color := regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`)
	for i, scheme := range schemes {
		scheme, _, _ = strings.Cut(scheme, "}")
		colors := map[string]string{}
		for _, found := range color.FindAllStringSubmatch(scheme, -1) {
			colors[found[1]] = found[2]
		}
		check := func(ink, paper string, least float64) {
			if got := contrast(colors[ink], colors[paper]); got < least {
				t.Errorf("scheme %d: the contrast of %s on %s is %.2f, want %.1f", i+1, ink, paper, got, least)
			}
		}
		for _, paper := range []string{"paper", "sheet"} {
			check("ink", paper, 4.5)
			check("quiet", paper, 4.5)
			for _, drawn := range []string{"line", "working", "provider", "retry", "limit"} {
				check(drawn, paper, 3)
			}
		}
		for _, badge := range []string{"deleted", "pending", "bad", "other"} {
			check(badge, badge+"-bg", 4.5)
		}
	}
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(color string) float64 {
	if len(color) == 3 {
		color = color[:1] + color[:1] + color[1:2] + color[1:2] + color[2:] + color[2:]
	}
	n, err := strconv.ParseUint(color, 16, 32)
	if err != nil || len(color) != 6 {
		return math.NaN()
	}
	channel := func(c uint64) float64 {
		v := float64(c&255) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}
