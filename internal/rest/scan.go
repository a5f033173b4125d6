package rest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"reflect"
	"strings"
	"sync"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
)

// The limits of the values in a body. The memory that package json allocates depends on their
// number, and not on the number of bytes: it allocates gigabytes for 3 MiB of {},{},… The limits
// of a success grow with its length. In recorded answers, a member takes at least 21 bytes, and
// an element of an array at least 38.
const (
	maxDepth  = 100    // of nested objects and arrays
	maxKeys   = 1000   // of one object
	maxNumber = 1000   // characters of a number
	maxItems  = 10_000 // of a list, if the call requested no page size

	baseMembers, bytesPerMember   = 32 << 10, 24
	baseElements, bytesPerElement = 8 << 10, 256

	maxErrorValues = 10_000 // members and elements each, of an answer that is no success
)

// maxPage returns the maximum number of items of a page with the requested size.
func maxPage(size int) int {
	if size <= 0 {
		return maxItems
	}
	return size + max(10, size/10)
}

// listDepth is the greatest depth of a list of items: {"data":{"items":[]}}.
const listDepth = 3

var (
	errTwice    = errors.New("an object in the body has the same key twice")
	errKeys     = errors.New("an object in the body has more than 1,000 keys")
	errDepth    = errors.New("the body has more than 100 nested objects and arrays")
	errNumber   = errors.New("a number in the body has more than 1,000 characters")
	errMembers  = errors.New("the body has too many members")
	errElements = errors.New("the body has too many elements")
	errItems    = errors.New("the body has more items than requested")

	errNotJSON = errors.New("the body is not JSON")
)

// scanner reads a JSON text once, before it is decoded. It counts the values, and finds an
// object with the same key twice: package json decodes the last of the two and other programs
// may read the first, so that such a text proves nothing. Keys are compared like in package
// json.
//
// It also counts the values of a text that is not JSON, because some errors of providers are
// not JSON, and sets invalid.
type scanner struct {
	text []byte

	// out is the value that the text is decoded into. Keys of a map that differ only in case
	// are different. If out is nil, such keys are equal in every object.
	out any

	// members and elements are the numbers of members, and of elements of all arrays, that
	// the rest of the text may have; items is the number that each list may have.
	members, elements, items int

	// keys are the keys of the open objects and, of each open array, those of the last
	// object in it, because most objects of an array have the same keys.
	keys []key

	// path is the path of the current value: by depth, the key of a member, or the zero span
	// for an element of an array.
	path [maxDepth + 1]span

	longest list
	suspect bool // a key may be one of errorMembers
	invalid bool // the text is not JSON
	err     error
}

// span is a part of the text.
type span struct{ start, end uint32 }

// key is a key of an object, without its quotes, and the hash of its folded form.
type key struct {
	span
	hash uint32
}

// list is a list of items: their number, and its path.
type list struct {
	items int
	depth int
	keys  [listDepth - 1]span
}

// scan reads a body once. It returns the longest list, whether the body may have one of
// errorMembers, and why the body proves nothing. The error is errNotJSON if the only reason is
// that package json does not accept the text.
func scan(text []byte, out any, members, elements, items int) (longest list, suspect bool, err error) {
	s := scanners.Get().(*scanner)
	s.text, s.out, s.members, s.elements, s.items = text, out, members, elements, items
	s.keys, s.longest, s.suspect, s.invalid, s.err = s.keys[:0], list{}, false, false, nil
	if i := s.space(0); i < len(text) {
		i = s.space(s.value(i, 1))
		s.require(i == len(text))
	} else {
		s.invalid = true
	}
	if longest, suspect, err = s.longest, s.suspect, s.err; err == nil && s.invalid {
		err = errNotJSON
	}
	s.text, s.out = nil, nil
	scanners.Put(s)
	return longest, suspect, err
}

// scanners are used again, which saves the allocation of keys and path.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// stop ends the scan. err is nil for a text that is not JSON.
func (s *scanner) stop(err error) int {
	if s.err == nil {
		s.err = err
	}
	s.invalid = true
	return len(s.text)
}

// require sets invalid unless a rule of JSON holds. The scan continues.
func (s *scanner) require(rule bool) {
	if !rule {
		s.invalid = true
	}
}

// space returns the end of the white space at i.
func (s *scanner) space(i int) int {
	if i < len(s.text) && s.text[i] <= ' ' {
		return s.spaces(i)
	}
	return i
}

func (s *scanner) spaces(i int) int {
	for ; i < len(s.text) && s.text[i] <= ' '; i++ {
		c := s.text[i]
		s.require(c == ' ' || c == '\n' || c == '\t' || c == '\r')
	}
	return i
}

// quote returns the index of the closing quote of a string whose content starts at i.
func (s *scanner) quote(i int) int {
	for i < len(s.text) {
		if i+8 <= len(s.text) { // eight characters at once
			word := binary.LittleEndian.Uint64(s.text[i:])
			special := has(word, '"') | has(word, '\\') | controls(word)
			if special == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(special) / 8
		}
		switch c := s.text[i]; {
		case c == '"':
			return i
		case c == '\\':
			s.require(isEscape(s.text[i:]))
			i += 2
		default:
			s.require(c >= ' ')
			i++
		}
	}
	s.invalid = true
	return len(s.text)
}

// isEscape reports whether a text starts with an escape of a JSON string.
func isEscape(text []byte) bool {
	if len(text) < 2 {
		return false
	}
	if text[1] == 'u' {
		_, ok := hex4(text)
		return ok
	}
	return strings.IndexByte(`"\/bfnrt`, text[1]) >= 0
}

// value returns the end of the value that starts at i. depth is the depth of the value if it is
// an object or an array.
func (s *scanner) value(i, depth int) int {
	switch s.text[i] {
	case '"':
		return s.quote(i+1) + 1
	case '{':
		keys := len(s.keys)
		i, _ = s.object(i+1, depth, keys, 0)
		s.keys = s.keys[:keys]
		return i
	case '[':
		return s.array(i+1, depth)
	}
	end := i + 1
	for end < len(s.text) {
		if c := s.text[end]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			break
		}
		end++
	}
	if end-i > maxNumber {
		return s.stop(errNumber)
	}
	s.require(isLiteral(s.text[i:end]))
	return end
}

// isLiteral reports whether a text is a number, true, false or null.
func isLiteral(text []byte) bool {
	switch string(text) {
	case "true", "false", "null":
		return true
	}
	text = bytes.TrimPrefix(text, []byte("-"))
	n := digits(text)
	if n == 0 || n > 1 && text[0] == '0' {
		return false
	}
	text = text[n:]
	if len(text) > 0 && text[0] == '.' {
		if n = digits(text[1:]); n == 0 {
			return false
		}
		text = text[1+n:]
	}
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if n = digits(text); n == 0 {
			return false
		}
		text = text[n:]
	}
	return len(text) == 0
}

// digits returns the number of digits at the start of a text.
func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// array returns the end of an array whose content starts at i.
func (s *scanner) array(i, depth int) int {
	if depth > maxDepth {
		return s.stop(errDepth)
	}
	s.path[depth] = span{}
	keys, known := len(s.keys), 0
	comma := false // before i
	for items := 0; ; {
		i = s.space(i)
		if i >= len(s.text) {
			s.invalid = true
			return i
		}
		switch s.text[i] {
		case ',':
			s.require(items > 0 && !comma)
			comma = true
			i++
			continue
		case ']':
			s.require(!comma)
			s.keys = s.keys[:keys]
			if depth <= listDepth && items > s.longest.items {
				s.longest = list{items: items, depth: depth}
				copy(s.longest.keys[:], s.path[1:depth])
			}
			return i + 1
		}
		s.require(comma == (items > 0))
		comma = false
		items++
		if s.elements--; s.elements < 0 {
			return s.stop(errElements)
		}
		if depth <= listDepth && items > s.items {
			return s.stop(errItems)
		}
		if s.text[i] == '{' {
			i, known = s.object(i+1, depth+1, keys, known)
		} else {
			i = s.value(i, depth+1)
		}
	}
}

// object returns the end of an object whose content starts at i, and the number of its keys. It
// stores the keys in s.keys from the index keys on. The first known of them are those of the
// previous object of the array: while the keys have the same order, none can occur twice.
func (s *scanner) object(i, depth, keys, known int) (end, left int) {
	if depth > maxDepth {
		return s.stop(errDepth), known
	}
	for n := 0; ; n++ {
		i = s.space(i)
		comma := i < len(s.text) && s.text[i] == ','
		if comma {
			i = s.space(i + 1)
		}
		if i >= len(s.text) {
			s.invalid = true
			return i, known
		}
		if s.text[i] == '}' {
			s.require(!comma)
			return i + 1, known
		}
		s.require(comma == (n > 0))
		if s.text[i] != '"' {
			return s.stop(nil), known
		}
		if s.members--; s.members < 0 {
			return s.stop(errMembers), known
		}
		i++
		if n < known && s.is(s.keys[keys+n], i) {
			expected := s.keys[keys+n]
			s.path[depth] = span{uint32(i), uint32(i) + expected.end - expected.start}
			i += int(expected.end - expected.start)
		} else {
			s.keys = s.keys[:keys+n]
			end, hash := s.key(i)
			name := span{uint32(i), uint32(end)}
			s.path[depth] = name
			if !s.add(key{name, hash}, depth, keys) {
				return len(s.text), n
			}
			known = n + 1
			i = int(name.end)
		}
		i = s.space(i + 1)
		if i >= len(s.text) || s.text[i] != ':' {
			return s.stop(nil), known
		}
		i = s.space(i + 1)
		if i >= len(s.text) {
			s.invalid = true
			return i, known
		}
		if s.text[i] == '"' {
			i = s.quote(i+1) + 1
		} else {
			i = s.value(i, depth+1)
		}
	}
}

// is reports whether the text of the key whose content starts at i equals that of k.
func (s *scanner) is(k key, i int) bool {
	end := i + int(k.end-k.start)
	return end < len(s.text) && s.text[end] == '"' && string(s.text[i:end]) == string(s.text[k.start:k.end])
}

// add adds a key to those of its object, which are at the end of s.keys. It reports whether the
// scan continues.
func (s *scanner) add(k key, depth, keys int) bool {
	s.suspect = s.suspect || errorHashes[k.hash%uint32(len(errorHashes))] == k.hash
	for _, other := range s.keys[keys:] {
		if other.hash == k.hash && s.same(other.span, k.span, depth) {
			s.stop(errTwice)
			return false
		}
	}
	if len(s.keys)-keys >= maxKeys {
		s.stop(errKeys)
		return false
	}
	s.keys = append(s.keys, k)
	return true
}

// same reports whether two keys with the same hash are equal.
func (s *scanner) same(a, b span, depth int) bool {
	p, q := s.text[a.start:a.end], s.text[b.start:b.end]
	switch {
	case bytes.Equal(p, q), bytes.IndexByte(p, '\\') >= 0, bytes.IndexByte(q, '\\') >= 0:
		return true
	}
	return bytes.EqualFold(p, q) && !s.isMap(depth)
}

// The constants of hashes. Keys that package json treats as equal have the same hash. It is
// computed from words of eight characters, without the case of letters.
const (
	ones, highs = 0x0101010101010101, 0x8080808080808080
	mix         = 0x9E3779B97F4A7C15
)

// has returns the high bits of the bytes of a word that equal a character. Bits above the
// lowest of them may be wrong.
func has(word uint64, char byte) uint64 {
	word ^= uint64(char) * ones
	return (word - ones) &^ word & highs
}

// controls returns the high bits of the bytes of a word that are control characters. Bits above
// the lowest of them may be wrong.
func controls(word uint64) uint64 { return (word - ' '*ones) &^ word & highs }

// mixed adds a word to a hash.
func mixed(hash, word uint64) uint64 {
	hash = (hash ^ (word | ' '*ones)) * mix
	return hash ^ hash>>32
}

// key returns the end and the hash of the key that starts at i.
func (s *scanner) key(i int) (end int, hash uint32) {
	var sum, special uint64
	for at := i; at+8 <= len(s.text); at += 8 {
		word := binary.LittleEndian.Uint64(s.text[at:])
		quote, control := has(word, '"'), controls(word)
		if quote != 0 {
			end = at + bits.TrailingZeros64(quote)/8
			key := uint64(1)<<(8*(end-at)) - 1
			word &= key
			control &= key
		}
		special |= word&highs | has(word, '\\') | control
		if quote == 0 || end > at {
			sum = mixed(sum, word)
		}
		if special != 0 {
			break
		}
		if quote != 0 {
			return end, uint32(sum ^ uint64(end-i)*mix>>32)
		}
	}
	end = s.quote(i)
	return end, hashOf(folded(s.text[i:end]))
}

// hashOf returns the hash of an ASCII key without escapes.
func hashOf(key []byte) uint32 {
	var sum uint64
	for i := 0; i < len(key); i += 8 {
		var word [8]byte
		copy(word[:], key[i:])
		sum = mixed(sum, binary.LittleEndian.Uint64(word[:]))
	}
	return uint32(sum ^ uint64(len(key))*mix>>32)
}

// errorHashes contains the hashes of errorMembers, each at its remainder. No two remainders are
// equal.
var errorHashes = func() (table [67]uint32) {
	for _, name := range errorMembers {
		h := hashOf([]byte(name))
		table[h%uint32(len(table))] = h
	}
	return table
}()

// folded returns a decoded key, each character in the form that package json compares.
func folded(key []byte) []byte {
	text := string(key)
	if strings.IndexByte(text, '\\') >= 0 {
		quoted := append(append([]byte{'"'}, key...), '"')
		_ = json.Unmarshal(quoted, &text) // the scan refuses a text that is not JSON
	}
	return []byte(strings.Map(func(r rune) rune {
		for { // the smallest of the characters that differ only in case
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, text))
}

// isMap reports whether the object of the given depth is decoded into a map.
func (s *scanner) isMap(depth int) bool {
	if s.out == nil {
		return false
	}
	t := reflect.TypeOf(s.out)
	for d := 1; ; d++ {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case reflect.PointerTo(t).Implements(unmarshaler):
			return false
		case d == depth:
			return t.Kind() == reflect.Map
		case t.Kind() == reflect.Map, t.Kind() == reflect.Slice:
			t = t.Elem()
		case t.Kind() == reflect.Struct:
			i := fieldOf(t, s.text[s.path[d].start:s.path[d].end])
			if i < 0 {
				return false
			}
			t = t.Field(i).Type
		default:
			return false
		}
	}
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// fieldOf returns the index of the field of a struct that a key is decoded into; -1 if no field
// of the struct itself is.
func fieldOf(t reflect.Type, key []byte) int {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && strings.EqualFold(name, string(key)) {
			return i
		}
	}
	return -1
}

// reserve allocates all items of the list at once in out, the value that the text is decoded
// into. Package json would allocate and copy the items several times.
func (l *list) reserve(out any, text []byte) {
	if l.items < 4 {
		return
	}
	v := reflect.ValueOf(out).Elem()
	for _, key := range l.keys[:l.depth-1] {
		if v.Kind() != reflect.Struct || v.Addr().Type().Implements(unmarshaler) {
			return
		}
		i := fieldOf(v.Type(), text[key.start:key.end])
		if i < 0 {
			return
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() == reflect.Struct && !v.Addr().Type().Implements(unmarshaler) {
		v.Grow(l.items)
	}
}
