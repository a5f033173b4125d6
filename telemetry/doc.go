// Package telemetry reports the operations and teardowns of package offboard as spans and metrics
// of OpenTelemetry.
//
//	t, err := telemetry.New()
//	client, err := atlas.New(atlas.FromEnv(), atlas.WithObserver(t.Observer()))
//	report, err := t.Teardown(client.Teardown)(ctx, plan, teardown.WithConfirm("Acme Ltd"))
//
// The providers of spans and metrics are the global ones of package otel, unless options set
// others. The package requires the API of OpenTelemetry only; the program selects the SDK and the
// exporters.
//
// No name and no attribute contains an ID, a name of an organization, a text of the provider or a
// credential. The values of all attributes are from fixed sets or are numbers, so that they can be
// labels. To find the organization of a span, log with the context of the operation: a handler
// of package log/slog can add the ID of the span to the records, which have the ID of the
// organization.
//
// # Attributes
//
// A log record of a client has the same attributes without the prefix "offboard.".
//
//	| attribute                | type   | value                                                        |
//	|--------------------------|--------|--------------------------------------------------------------|
//	| offboard.provider        | string | package of the provider, such as "atlas"                     |
//	| offboard.operation       | string | name of the operation, such as "DeleteOrganization"          |
//	| offboard.attempt         | int    | number of the attempt, from 1 on                             |
//	| offboard.attempts        | int    | number of requests, or of attempts of a step                 |
//	| offboard.status          | int    | HTTP status; absent without a response                       |
//	| offboard.code            | string | code of package errors; absent for a success                 |
//	| offboard.outcome         | string | an observe.Outcome; of a teardown a teardown.Outcome, or     |
//	|                          |        | "not_applied" if the plan was refused before the first write |
//	| offboard.verified        | bool   | true if a read showed the success                            |
//	| offboard.reason          | string | reason of a wait: "retry", "rate_limit" or "token"           |
//	| offboard.wait            | float  | duration of a wait in seconds                                |
//	| offboard.duration        | float  | duration of a request in seconds                             |
//	| offboard.kind            | string | kind of the resource of a step, such as "project"            |
//	| offboard.state           | string | teardown.StepState of a step that ended                      |
//	| offboard.steps           | int    | number of steps of a plan                                    |
//	| offboard.steps.deleted   | int    | number of deleted steps                                      |
//	| http.request.method      | string | HTTP method                                                  |
//	| error.type               | string | the same as offboard.code, by the semantic conventions       |
//
// # Spans
//
//	| name                   | kind     | attributes when it ends                                           | events                           |
//	|------------------------|----------|-------------------------------------------------------------------|----------------------------------|
//	| <provider>.<operation> | client   | provider, operation, attempts, outcome, verified, code, status,   | offboard.attempt, offboard.wait  |
//	|                        |          | error.type                                                        |                                  |
//	| <provider>.Teardown    | internal | provider, outcome, steps, steps.deleted, code, error.type         | offboard.wait                    |
//	| <provider>.Step        | internal | provider, kind, state, attempts, code, error.type                 | offboard.wait, offboard.waiting  |
//
// The span of an operation is a child of the span in its context, and the spans of the transport
// are children of it. A read that decides the outcome of a deletion is a child of the deletion. In
// a teardown, the operations of a step are children of the step, and all others of the teardown.
// The status of a span is Error if the operation did not succeed; its description is the code.
//
//	| event            | attributes                                                           |
//	|------------------|----------------------------------------------------------------------|
//	| offboard.attempt | attempt, http.request.method, status, code, duration; after a request |
//	| offboard.wait    | attempt, reason, wait; after a wait of an operation, and before a    |
//	|                  | wait of a teardown or a step for another attempt, with its code      |
//	| offboard.waiting | none; the step waits for the provider                                |
//
// # Metrics
//
//	| name                               | instrument | unit       | attributes                         |
//	|------------------------------------|------------|------------|------------------------------------|
//	| offboard.client.operations         | counter    | {operation}| provider, operation, outcome, code |
//	| offboard.client.operation.duration | histogram  | s          | provider, operation, outcome       |
//	| offboard.client.requests           | counter    | {request}  | provider, operation, status        |
//	| offboard.client.request.duration   | histogram  | s          | provider, operation                |
//	| offboard.client.refusals           | counter    | {response} | provider, operation, code          |
//	| offboard.client.wait.duration      | histogram  | s          | provider, operation, reason        |
//	| offboard.client.rate_limit.limit   | gauge      | {request}  | provider, operation                |
//	| offboard.client.rate_limit.remaining | gauge    | {request}  | provider, operation                |
//	| offboard.teardowns                 | counter    | {teardown} | provider, outcome, code            |
//	| offboard.teardown.duration         | histogram  | s          | provider, outcome                  |
//	| offboard.teardown.active           | up-down    | {teardown} | provider                           |
//	| offboard.teardown.steps            | counter    | {step}     | provider, kind, state              |
//	| offboard.teardown.step.duration    | histogram  | s          | provider, kind, state              |
//	| offboard.teardown.retries          | counter    | {retry}    | provider, code                     |
//
// A refusal is a response to a request of an operation that is no success. A refused request for a
// token is no refusal: the operation that needed the token ends with its code. A counter starts with
// its first event, at 1. The rate limit is that of the provider's response
// headers, which Katapult and Atlas send; a gauge shows the last one, because a sum or a
// distribution of it has no meaning. Histograms of operations, requests and waits have the
// bounds 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 300 and 900 seconds; those of steps
// and teardowns 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200 and 21600 seconds.
package telemetry
