//go:build unix

package system

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
)

// A server refuses search attributes that a namespace lacks.
func TestCheckNamespace_Server(t *testing.T) {
	s := newSystem(t, "sqlite")
	if err := fleet.CheckNamespace(t.Context(), s.client); err != nil {
		t.Error(err)
	}
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: s.server.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	err = namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: "empty", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := client.DialContext(context.Background(), client.Options{HostPort: s.server.Address(), Namespace: "empty"})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	eventually(t, time.Minute, "the server knows the namespace", func() bool {
		err = fleet.CheckNamespace(t.Context(), empty)
		return !errors.Is(err, errors.NotFound)
	})
	if !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}
