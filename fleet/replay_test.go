package fleet

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Workflows run for weeks, so that a worker of a later version must continue those of earlier ones.
// The histories are those of a server: the test TestHistories of package dev/system writes them with
// the flag -update. A change that fails here requires workflow.GetVersion.
func TestReplay_CommittedHistories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d histories, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflowWithOptions(batchWorkflow{defaultHeartbeat}.run, workflow.RegisterOptions{Name: workflowBatch})
			replayer.RegisterWorkflowWithOptions(organizationWorkflow{defaultHeartbeat}.run, workflow.RegisterOptions{Name: workflowOrganization})
			logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(logger, file); err != nil {
				t.Error(err)
			}
		})
	}
}
