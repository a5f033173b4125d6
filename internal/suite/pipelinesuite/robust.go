package pipelinesuite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// Surface is the public API of a provider, for tests that call all of it.
type Surface struct {
	// Client is a client of a fake, made by "New". The tests also call the zero value of its
	// type.
	Client any

	// Functions are the functions of the package, by name. "New" makes a client with options.
	Functions map[string]any

	// Options are the functions that return an option, by name.
	Options map[string]any

	// Interfaces are values that implement the package's interfaces, by which methods name
	// resources. The string of a test is converted to the type.
	Interfaces []any
}

// newClient makes a client with options.
func (s Surface) newClient(options []reflect.Value) (client any, err error) {
	made := reflect.ValueOf(s.Functions["New"]).Call(options)
	err, _ = made[1].Interface().(error)
	return made[0].Interface(), err
}

// NoPanic calls every method, function and option with a nil context and with nil and zero
// arguments, at a nil client, a zero client and a client of a fake. No call may panic, and
// a call that cannot work must return an error.
func (s Surface) NoPanic(t *testing.T) {
	t.Helper()
	made := reflect.ValueOf(s.Client)
	for name, client := range map[string]reflect.Value{
		"nil client": reflect.Zero(made.Type()), "zero client": reflect.New(made.Type().Elem()), "client": made,
	} {
		for contexts, ctx := range map[string]context.Context{"nil context": nil, "context": t.Context()} {
			if name == "client" && ctx != nil {
				continue // other tests cover its answers
			}
			for i := range client.NumMethod() {
				method := client.Type().Method(i).Name
				t.Run(name+", "+contexts+"/"+method, func(t *testing.T) {
					t.Parallel()
					wantTypedError(t, client.Method(i), arguments{ctx: ctx})
				})
			}
		}
	}
	for name, function := range s.Functions {
		t.Run("function/"+name, func(t *testing.T) {
			t.Parallel()
			wantTypedError(t, reflect.ValueOf(function), arguments{variadic: 1})
		})
	}
	for name, option := range s.Options {
		t.Run("option/"+name, func(t *testing.T) {
			t.Parallel()
			defer noPanic(t)
			s.newClient(reflect.ValueOf(option).Call(arguments{}.of(reflect.TypeOf(option))))
		})
	}
	for _, v := range s.values() {
		for i := range v.NumMethod() {
			method := v.Type().Method(i)
			if _, promoted := reflect.TypeFor[*time.Time]().MethodByName(method.Name); promoted {
				continue // from package time, which panics by itself
			}
			t.Run("value/"+v.Type().String()+"."+method.Name, func(t *testing.T) {
				t.Parallel()
				defer noPanic(t)
				v.Method(i).Call(arguments{}.of(v.Method(i).Type()))
			})
		}
	}
}

func noPanic(t *testing.T) {
	t.Helper()
	if r := recover(); r != nil {
		t.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// wantTypedError calls a function and checks that its error is typed, if it returns errors.
// The first element of an iterator counts as its error.
func wantTypedError(t *testing.T, function reflect.Value, a arguments) {
	t.Helper()
	defer noPanic(t)
	errs, returns := call(function, a)
	if !returns {
		return
	}
	if len(errs) == 0 {
		t.Error("got no error")
	}
	for _, err := range errs {
		if e, ok := errors.AsType[*errors.Error](err); !ok || e.Provider == "" {
			t.Errorf("got %v, want an *errors.Error with its provider", err)
		}
	}
}

// arguments are the arguments of a call: a context, a text for all strings, and zero values
// for the rest.
type arguments struct {
	ctx        context.Context
	text       string
	interfaces []any
	variadic   int // the number of values of a variadic parameter
}

func (a arguments) of(function reflect.Type) []reflect.Value {
	var in []reflect.Value
	for i := range function.NumIn() {
		if function.IsVariadic() && i == function.NumIn()-1 {
			for range a.variadic {
				in = append(in, reflect.Zero(function.In(i).Elem()))
			}
			break
		}
		v := reflect.New(function.In(i)).Elem()
		a.fill(v, 0)
		in = append(in, v)
	}
	return in
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// fill sets all strings of a value to the text.
func (a arguments) fill(v reflect.Value, depth int) {
	switch {
	case v.Type() == contextType:
		if a.ctx != nil {
			v.Set(reflect.ValueOf(a.ctx))
		}
	case a.text == "" || depth > 4 || !v.CanSet():
	case v.Type() == reflect.TypeFor[*teardown.Plan](): // data of the provider, not an argument
	case v.Kind() == reflect.String:
		v.SetString(a.text)
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			a.fill(field, depth+1)
		}
	case v.Kind() == reflect.Pointer && v.Type().Elem().PkgPath() != "" && v.Type().Elem().Kind() != reflect.Interface:
		v.Set(reflect.New(v.Type().Elem()))
		a.fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		a.fill(v.Index(0), depth+1)
	case v.Kind() == reflect.Interface:
		for _, one := range a.interfaces {
			if made := reflect.ValueOf(one); made.Type().Implements(v.Type()) {
				named := reflect.New(made.Type()).Elem()
				a.fill(named, depth+1)
				v.Set(named)
				return
			}
		}
	}
}

// call calls a function and returns its errors, including those of an iterator, and whether
// it has a result that can be an error.
func call(function reflect.Value, a arguments) (errs []error, returns bool) {
	for _, out := range function.Call(a.of(function.Type())) {
		switch {
		case out.Type() == errorType:
			returns = true
			if !out.IsNil() {
				errs = append(errs, out.Interface().(error))
			}
		case out.Kind() == reflect.Func && out.Type().CanSeq2():
			returns = true
			n := 0
			for _, v := range out.Seq2() {
				if err, ok := v.Interface().(error); ok && err != nil {
					errs = append(errs, err)
				}
				if n++; n == 3 {
					break
				}
			}
		}
	}
	return errs, returns
}

// values are zero values of the package's types that its methods take and return.
func (s Surface) values() []reflect.Value {
	seen := map[reflect.Type]bool{}
	var all []reflect.Value
	made := reflect.TypeOf(s.Client)
	var add func(reflect.Type)
	add = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if seen[typ] || typ.PkgPath() != made.Elem().PkgPath() || typ == made.Elem() || typ.Kind() == reflect.Interface || typ.Kind() == reflect.Func {
			return
		}
		seen[typ] = true
		all = append(all, reflect.New(typ)) // its method set includes the value's
		if typ.Kind() == reflect.Struct {
			for field := range typ.Fields() {
				add(field.Type)
			}
		}
	}
	for i := range made.NumMethod() {
		method := made.Method(i).Type
		for i := range method.NumIn() {
			add(method.In(i))
		}
		for i := range method.NumOut() {
			if out := method.Out(i); out.Kind() == reflect.Func && out.CanSeq2() {
				add(out.In(0).In(0))
				continue
			}
			add(method.Out(i))
		}
	}
	return all
}

// MisplacedSecrets passes secrets as every string of every method and option, to a client
// with another credential and to a client whose credential is the secret. No error, log
// record or printed form may contain them.
//
// client makes a client of a new fake with the secret as its credential, or with the one
// that the fake accepts if the secret is "".
func (s Surface) MisplacedSecrets(t *testing.T, client func(secret string, logger *slog.Logger) any) {
	t.Helper()
	for kind, secret := range secrets {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if recognizable := kind != "short token"; recognizable {
					s.misplace(t, "passed to", secret, func(l *slog.Logger) any { return client("", l) })
				}
				if sendable := !strings.ContainsAny(secret, " \n"); sendable {
					s.misplace(t, "the credential, and passed to", secret, func(l *slog.Logger) any { return client(secret, l) })
				}
			})
			for name, option := range s.Options {
				made := reflect.ValueOf(option).Call(arguments{text: secret, interfaces: s.Interfaces}.of(reflect.TypeOf(option)))
				client, err := s.newClient(made)
				hides(t, name, secret, made[0].Interface())
				hides(t, name, secret, client)
				for err := range chain(err) {
					hides(t, name, secret, err)
				}
			}
		})
	}
}

func (s Surface) misplace(t *testing.T, how, secret string, make func(*slog.Logger) any) {
	t.Helper()
	var log recorder
	client := reflect.ValueOf(make(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	for i := range client.NumMethod() {
		name := how + " " + client.Type().Method(i).Name
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		errs, _ := call(client.Method(i), arguments{ctx: ctx, text: secret, interfaces: s.Interfaces})
		cancel()
		for _, err := range errs {
			for err := range chain(err) {
				hides(t, name, secret, err)
			}
		}
		if text := log.take(); repeats(text, secret) {
			t.Errorf("%s: the log contains it: %s", name, text)
		}
	}
}

// secrets are texts that must not be shown, by kind. None is a real credential.
var secrets = map[string]string{
	"short token":                        "canary-5ebe2294ecd0",
	"token":                              "kQ7mXz2Rv9LwT4bN8cYhP3sJfD6gA1eUoVi5xZqB0nMrKtWy",
	"token with hyphens and underscores": "dEXk3v7Qz_h9PbT2mLw5R-8sYcN4gJfA6uVoKxZ1qBnMrWtEi0yCpHs7DlGa3-Qf9XvTz2k",
	"hexadecimal digits":                 "5ebe2294ecd0e0f08eab7690d2a6ee69a3f1c0d4b7e852960fd1ab34c69e7d20",
	"JWT":                                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl",
	"PEM":                                "-----BEGIN RSA PRIVATE KEY-----\nTm90QUtleUp1c3RBQ2FuYXJ5Rm9yVGVzdHM1ZWJlMjI5NA==\n-----END RSA PRIVATE KEY-----\n",
	"key file": `{"type":"serviceaccount","keyId":"1","key":"-----BEGIN RSA PRIVATE KEY-----\nTm90QUtleUp1c3RBQ2FuYXJ5Rm9yVGVzdHM1ZWJlMjI5NA==\n` +
		`-----END RSA PRIVATE KEY-----\n","userId":"2"}`,
	"Authorization": "Bearer canary-5ebe2294ecd0",
	"client secret": "mdb_sa_sk_canary5ebe2294ecd0",
}

// hides checks that no form of a value repeats a secret.
func hides(t *testing.T, name, secret string, v any) {
	t.Helper()
	for _, text := range printed(v) {
		if repeats(text, secret) {
			t.Errorf("%s: %T contains it: %.300s", name, v, text)
			return
		}
	}
}

// printed returns all printed forms of a value.
func printed(v any) []string {
	var all []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		all = append(all, fmt.Sprintf(verb, v))
	}
	if encoded, err := json.Marshal(v); err == nil {
		all = append(all, string(encoded))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("x", "v", v)
	return append(all, log.String())
}

// recorder keeps the log output.
type recorder struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.log.Reset()
	return r.log.String()
}

// repeats reports whether a text contains a usable part of a secret.
func repeats(text, secret string) bool {
	const part = 12
	for i := 0; i+part <= len(secret); i += part {
		piece := secret[i : i+part]
		if strings.ContainsAny(piece, "\n\"") || strings.Contains("-----BEGIN RSA PRIVATE KEY-----END", piece) {
			continue
		}
		if strings.Contains(text, piece) {
			return true
		}
	}
	return false
}
