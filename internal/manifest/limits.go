package manifest

import (
	"fmt"
	"strings"
)

// The limits of a manifest. They bound the memory and the time of the YAML parser, which grow with
// the square of the depth, of the keys of a mapping and of the length of its keys.
const (
	// MaxSize is the maximum size in bytes: about 100,000 organizations.
	MaxSize = 8 << 20

	maxDepth  = 16 // of lists and mappings in each other
	maxKeys   = 64 // of a mapping
	maxKey    = 64 // bytes of a key
	maxTokens = 2 << 20
)

// Limits checks the tokens of a manifest before they are parsed. The zero value is ready.
type Limits struct {
	tokens int
	open   []level
	last   int // bytes of the last token; -1 for a token that cannot be a key
	column int // of the last token
}

// level is a list or a mapping that is not closed.
type level struct {
	end    string // the type of the token that closes it in brackets; "" in a block
	column int    // of the first character in a block
	keys   int
}

// Add adds the next token of the scanner: the name of its type, its column, counted from 1, and its
// size in bytes. It returns the fault of the manifest; "" for none.
func (l *Limits) Add(kind string, column, size int) (fault string) {
	if l.tokens++; l.tokens > maxTokens {
		return fmt.Sprintf("the manifest has more than %d values", maxTokens/2)
	}
	last, at := l.last, l.column
	l.last, l.column = size, column
	switch kind {
	case "Anchor", "Alias", "MergeKey":
		return "anchors, aliases and merge keys are not supported: repeat the value"
	case "Tag":
		return "tags are not supported: write a text in quotes"
	case "MappingKey":
		return "? is not supported: write KEY: VALUE"
	case "SequenceStart", "MappingStart":
		l.open, l.last = append(l.open, level{end: strings.TrimSuffix(kind, "Start") + "End"}), -1
	case "SequenceEnd", "MappingEnd":
		if n := len(l.open) - 1; n >= 0 && l.open[n].end == kind {
			l.open = l.open[:n]
		}
		l.last = -1
	case "SequenceEntry":
		l.block(column)
		l.last = -1
	case "MappingValue":
		if last < 0 || last > maxKey {
			return fmt.Sprintf("a key must be a text of at most %d bytes", maxKey)
		}
		l.block(at)
		n := len(l.open) - 1
		if l.open[n].keys++; l.open[n].keys > maxKeys {
			return fmt.Sprintf("a mapping must have at most %d keys", maxKeys)
		}
		l.last = -1
	}
	if len(l.open) > maxDepth {
		return fmt.Sprintf("lists and mappings must be at most %d deep", maxDepth)
	}
	return ""
}

// block opens the list or the mapping of a column, and closes those of greater columns. A list and
// the mapping around it may have the same column, and count as one. In brackets, it does nothing.
func (l *Limits) block(column int) {
	n := len(l.open)
	for n > 0 && l.open[n-1].end == "" && l.open[n-1].column > column {
		n--
	}
	if l.open = l.open[:n]; n > 0 && (l.open[n-1].end != "" || l.open[n-1].column == column) {
		return
	}
	l.open = append(l.open, level{column: column})
}
