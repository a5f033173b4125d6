package simulation

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

var survey = flag.Int("survey", 0, "the `number` of runs of each provider that look for wrong results with one optional kind of fault")

// TestSurvey prints the first seeds with a wrong result, by kind of fault and provider,
// with only this one of the optional kinds on.
func TestSurvey(t *testing.T) {
	if *survey == 0 {
		t.Skip("runs only with -survey")
	}
	const most = 3
	names := kindNames
	if *kindsFlag != "" && *kindsFlag != "all" {
		names = strings.Split(*kindsFlag, ",")
	}
	var mu sync.Mutex
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range names {
				on, found, texts := kindsOn(kind), 0, map[string]bool{}
				for s := *first; s < *first+uint64(*survey) && found < most; s++ {
					if r := play(t, p, s, on); len(r.wrong) > 0 {
						text := withoutDigits(strings.Join(r.wrong, "; "))
						if texts[text] {
							continue
						}
						found, texts[text] = found+1, true
						mu.Lock()
						fmt.Printf("%s\t%s\t%d\t%s\t%s\n", kind, p.name, s, r.scenario.title, strings.Join(r.wrong, "; "))
						mu.Unlock()
					}
				}
			}
		})
	}
}

// withoutDigits returns a text without the parts that differ from run to run.
func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}
