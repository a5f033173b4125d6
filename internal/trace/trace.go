// Package trace tells whoever asks by the context which request was answered last.
package trace

import (
	"context"
	"sync/atomic"
)

// Last keeps the provider's id of the last request that was answered.
type Last struct{ id atomic.Pointer[string] }

type key struct{}

// With returns a context whose calls are noted in last.
func With(ctx context.Context, last *Last) context.Context {
	return context.WithValue(ctx, key{}, last)
}

// Note notes an id, where somebody asks for it.
func Note(ctx context.Context, id string) {
	if last, ok := ctx.Value(key{}).(*Last); ok && id != "" {
		kept := id // or else every call would have its id on the heap
		last.id.Store(&kept)
	}
}

// ID returns the last id; "" for none.
func (l *Last) ID() string {
	if id := l.id.Load(); id != nil {
		return *id
	}
	return ""
}
