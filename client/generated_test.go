package client_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/StackOneHQ/stackone-client-go/client"
)

// TestEveryOperation says that each generated operation, also one that this
// package has no method for, is authenticated, repeated after a 429, and fails
// with an APIError.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	generated := reflect.TypeOf((*client.Client).Generated).Out(0)
	operations := 0
	for i := range generated.NumMethod() {
		name := generated.Method(i).Name
		operation, isOperation := strings.CutSuffix(name, "WithResponse")
		operation, raw := strings.CutSuffix(operation, "WithBody")
		// An operation that takes JSON has a method with a type, and one without.
		if _, typed := generated.MethodByName(operation + "WithResponse"); !isOperation || raw && typed {
			continue
		}
		operations++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			c := serveUndescribed(t, func(w http.ResponseWriter, r *http.Request) {
				username, password, _ := r.BasicAuth()
				assert.Equal(t, testKey, username)
				assert.Empty(t, password)
				if requests.Add(1) == 1 {
					answer(429, `{"message":"slower"}`)(w, r)
					return
				}
				answer(409, `{"message":"not like this"}`)(w, r)
			}, client.WithRetryPolicy(client.RetryPolicy{MaxAttempts: 3, MinBackoff: time.Nanosecond}))

			method := reflect.ValueOf(c.Generated()).MethodByName(name)
			results := method.Call(arguments(t.Context(), method.Type()))
			err, _ := reflect.TypeAssert[error](results[1])
			var api *client.APIError
			require.ErrorAs(t, err, &api)
			assert.ErrorIs(t, err, client.ErrConflict)
			assert.Equal(t, "not like this", api.Message)
			assert.Equal(t, 2, api.Attempts)
			assert.EqualValues(t, 2, requests.Load())
		})
	}
	assert.GreaterOrEqual(t, operations, 2)
}

// arguments are the context, "x" for each text, which a path cannot do without,
// and zero values.
func arguments(ctx context.Context, method reflect.Type) []reflect.Value {
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < method.NumIn()-1; i++ { // the last are request editors
		v := reflect.New(method.In(i)).Elem()
		switch v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		}
		in = append(in, v)
	}
	return in
}
