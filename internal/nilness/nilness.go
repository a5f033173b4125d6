// Package nilness recognizes the nil values that a caller can pass for an interface.
package nilness

import "reflect"

// IsNil reports whether a value is nil, or an interface that contains a nil value, whose methods may
// panic.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return value.IsNil()
	}
	return false
}
