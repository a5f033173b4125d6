package postgres

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusal is an answer that the provider refused because of its load.
type refusal struct {
	at   time.Time     // the time of the answer
	wait time.Duration // the pause that the answer states; 0 if it states none
	end  time.Time     // the end of the pause if the answer states it without its own time
}

// until returns the end of the pause by the clock of this process.
func (r refusal) until() time.Time {
	if !r.end.IsZero() {
		return r.end
	}
	return r.at.Add(r.wait)
}

// readRefusal reads the pause that the header of an answer states. A pause of 0 is none: it would not
// reduce the load.
func readRefusal(h http.Header, now time.Time) refusal {
	r := refusal{at: now}
	for _, name := range []string{"Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		value := strings.TrimSpace(h.Get(name))
		end, err := http.ParseTime(value)
		if err != nil || name != "Retry-After" {
			seconds, ok := parseSeconds(value)
			switch {
			case !ok || seconds == 0:
				continue
			case name == "Retry-After" || seconds < minUnixTime:
				r.wait = min(time.Duration(min(seconds, int64(MaxPause/time.Second)))*time.Second, MaxPause)
				return r
			}
			end = time.Unix(seconds, 0)
		}
		date, err := http.ParseTime(h.Get("Date"))
		switch {
		case err != nil:
			r.end = end
			return r
		case end.After(date):
			r.wait = min(end.Sub(date), MaxPause)
			return r
		}
	}
	return r
}

// minUnixTime separates numbers of seconds and Unix times, of 2001 and later.
const minUnixTime = 1_000_000_000

// parseSeconds parses a number of seconds. Fractions of a second are rounded up.
func parseSeconds(s string) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 40)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	if strings.Trim(fraction, "0") != "" {
		seconds++
	}
	return int64(seconds), true
}
