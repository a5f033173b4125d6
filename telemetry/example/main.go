// Command example serves metrics for Prometheus while teardowns run at fakes:
//
//	go run ./telemetry/example [-serve ADDRESS]
//
// It prints metrics after the teardowns, and ends. With -serve it runs teardowns until it is
// interrupted. It needs no network and no account: the fakes are in memory. dashboard.json is a
// dashboard for Grafana.
package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/offboard-dev/offboard-go/telemetry"
)

func main() {
	serve := flag.String("serve", "", "serve the metrics at the `address`, and run teardowns until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *serve); err != nil {
		log.Fatal(err)
	}
}

// run serves the metrics at an address while teardowns run: once for "", otherwise until the
// context ends.
func run(ctx context.Context, out io.Writer, address string) error {
	registry, t, err := export()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(address, "localhost:0"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(registry), ReadHeaderTimeout: 5 * time.Second}
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // ends by Close
	url := "http://" + listener.Addr().String() + "/metrics"
	fmt.Fprintf(out, "metrics: %s\n", url)
	for {
		if err := teardowns(ctx, out, t); err != nil && ctx.Err() == nil {
			return err
		}
		if address == "" {
			return show(ctx, out, url)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

// export returns a registry of Prometheus, and the telemetry that it exports.
func export() (*prometheus.Registry, *telemetry.Telemetry, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, nil, err
	}
	t, err := telemetry.New(telemetry.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	return registry, t, err
}

func routes(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// shown are the series that show prints: all of teardowns, and those of deletions.
var shown = regexp.MustCompile(`^offboard_(teardown|.*operation="Delete)`)

// show prints a part of the metrics that Prometheus would receive, without the buckets of
// histograms.
func show(ctx context.Context, out io.Writer, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if line := lines.Text(); shown.MatchString(line) && !strings.Contains(line, "_bucket{") {
			fmt.Fprintln(out, line)
		}
	}
	return lines.Err()
}
