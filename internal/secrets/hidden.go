package secrets

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// shortestGiven is the minimum length of a text that is replaced inside other texts. A
// shorter one is a part of too many words.
const shortestGiven = 6

// NotShown replaces a text that must not be shown.
const NotShown = "[not shown]"

// Hide returns a text in which hidden texts are replaced.
func Hide(text string, hidden []string) string {
	for _, h := range hidden {
		if text == h && h != "" {
			return NotShown
		}
		if len(h) < shortestGiven {
			continue
		}
		quoted := strings.Trim(printableQuote(h), `"`)
		for _, form := range []string{h, quoted, url.PathEscape(h), url.QueryEscape(h)} {
			text = strings.ReplaceAll(text, form, NotShown)
		}
	}
	return text
}

// Hidden are texts that must not be logged.
type Hidden struct {
	mu    sync.Mutex
	texts []string
}

// Add adds texts. It ignores empty ones.
func (h *Hidden) Add(texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range texts {
		if text != "" && !slices.Contains(h.texts, text) {
			h.texts = append(h.texts, text)
		}
	}
}

// ReplaceAttr implements ReplaceAttr of [slog.HandlerOptions].
func (h *Hidden) ReplaceAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString, slog.KindAny:
		text := v.String()
		h.mu.Lock()
		clean := Hide(text, h.texts)
		h.mu.Unlock()
		if clean != text {
			a.Value = slog.StringValue(clean)
		}
	}
	return a
}

// printableQuote returns a text as errors print it: without unprintable characters.
func printableQuote(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
