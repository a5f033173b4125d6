package simulation

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

var survey = flag.Int("survey", 0, "look for wrong results with each new kind of fault by itself, in this `number` of runs of each provider")

// TestSurvey prints the first seeds that find a wrong result, by kind of fault and
// provider, with only this kind of the new ones on.
func TestSurvey(t *testing.T) {
	if *survey == 0 {
		t.Skip("only if asked for with -survey")
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
					if r := play(t, p, s, on); len(r.lies) > 0 {
						text := simple(strings.Join(r.lies, "; "))
						if texts[text] {
							continue
						}
						found, texts[text] = found+1, true
						mu.Lock()
						fmt.Printf("%s\t%s\t%d\t%s\t%s\n", kind, p.name, s, r.scenario.title, strings.Join(r.lies, "; "))
						mu.Unlock()
					}
				}
			}
		})
	}
}

// simple is a text without what differs from run to run.
func simple(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}
