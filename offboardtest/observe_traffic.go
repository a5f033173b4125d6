//go:build offboard_traffic

package offboardtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// observe appends a processed request and its answer, as one line of JSON, to a file in the
// directory OFFBOARD_TRAFFIC. internal/conformance compares this traffic of all tests with the
// OpenAPI descriptions.
func observe(r Request, resp *http.Response) {
	folder := os.Getenv("OFFBOARD_TRAFFIC")
	if folder == "" {
		return
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	line, err := json.Marshal(map[string]any{
		"operation": r.Operation, "method": r.Method, "path": r.Path, "query": r.Query,
		"header": r.Header, "body": r.Body, "status": resp.StatusCode, "answerHeader": resp.Header, "answer": body,
	})
	if err != nil {
		panic(err)
	}
	file, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("%d.jsonl", os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}
