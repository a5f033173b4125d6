package telemetry_test

import (
	"context"
	"fmt"
	"log"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/telemetry"
)

// A teardown and its operations become spans. A program uses an exporter for its tracing backend
// in place of the one in memory.
func Example() {
	const id = "5e2f00000000000000000001"
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme Ltd"})

	spans := tracetest.NewInMemoryExporter()
	t, err := telemetry.New(telemetry.WithTracerProvider(sdk.NewTracerProvider(sdk.WithSyncer(spans))))
	if err != nil {
		log.Fatal(err)
	}
	client, err := atlas.New(srv.Option(), atlas.WithObserver(t.Observer()))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	plan, err := client.Plan(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	spans.Reset()
	if _, err := t.Teardown(client.Teardown)(ctx, plan, teardown.WithConfirm("Acme Ltd")); err != nil {
		log.Fatal(err)
	}
	for _, span := range spans.GetSpans() { // in the order of their ends
		if span.Name == "atlas.DeleteOrganization" || span.Name == "atlas.Teardown" {
			fmt.Println(span.Name)
		}
	}
	// Output:
	// atlas.DeleteOrganization
	// atlas.Teardown
}

// In a program for several organizations, one option serves all teardowns.
func ExampleTelemetry_Events() {
	t, err := telemetry.New()
	if err != nil {
		log.Fatal(err)
	}
	var jobs []teardown.Job // one for each organization
	ctx := context.Background()
	for result := range teardown.RunJobs(ctx, jobs, 4, t.Events(ctx)) {
		fmt.Println(result.Report.Outcome)
	}
	// Output:
}
