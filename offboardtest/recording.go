package offboardtest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Exchange is one request and its response. In a recording of [Recorder], an exchange is one
// line of JSON:
//
//	{"time":"2026-08-10T03:03:12Z","method":"DELETE","url":"https://cloud.mongodb.com/api/atlas/v2/orgs/5e2f",
//	 "request_header":{"Accept":["application/json"],"Authorization":["REDACTED"]},
//	 "status":409,"header":{"Content-Type":["application/json"]},"body":"{\"errorCode\":\"CANNOT_CLOSE\"}"}
//
// The bodies are "request_body" and "body"; a body that is not UTF-8 is "request_body_base64"
// or "body_base64". Empty members are omitted. If the response, or the end of its body, was
// lost, "error" is the text of the error, and "not_sent" is true if there was no connection.
type Exchange struct {
	Time          time.Time   // Time is the time of the request; zero if it is not known.
	Method        string      // Method is the HTTP method.
	URL           string      // URL is the absolute URL of the request.
	RequestHeader http.Header // RequestHeader contains the headers of the request.
	RequestBody   []byte      // RequestBody is the body of the request; nil for none.
	Status        int         // Status is the status of the response; 0 if there was none.
	Header        http.Header // Header contains the headers of the response.
	Body          []byte      // Body is the body of the response, or the part before Error.
	Error         string      // Error is the text of the transport's error; "" for none.
	NotSent       bool        // NotSent is true if the transport had no connection.
}

// exchangeJSON is the JSON form of an Exchange.
type exchangeJSON struct {
	Time              time.Time   `json:"time,omitzero"`
	Method            string      `json:"method"`
	URL               string      `json:"url"`
	RequestHeader     http.Header `json:"request_header,omitempty"`
	RequestBody       string      `json:"request_body,omitempty"`
	RequestBodyBase64 []byte      `json:"request_body_base64,omitempty"`
	Status            int         `json:"status,omitempty"`
	Header            http.Header `json:"header,omitempty"`
	Body              string      `json:"body,omitempty"`
	BodyBase64        []byte      `json:"body_base64,omitempty"`
	Error             string      `json:"error,omitempty"`
	NotSent           bool        `json:"not_sent,omitempty"`
}

// MarshalJSON writes the form of a line.
func (x Exchange) MarshalJSON() ([]byte, error) {
	form := exchangeJSON{
		Time: x.Time, Method: x.Method, URL: x.URL, RequestHeader: x.RequestHeader, Status: x.Status, Header: x.Header,
		Error: x.Error, NotSent: x.NotSent,
	}
	form.RequestBody, form.RequestBodyBase64 = text(x.RequestBody)
	form.Body, form.BodyBase64 = text(x.Body)
	return json.Marshal(form)
}

// UnmarshalJSON reads the form of a line. Unknown members are ignored.
func (x *Exchange) UnmarshalJSON(data []byte) error {
	var form exchangeJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return err
	}
	*x = Exchange{
		Time: form.Time, Method: form.Method, URL: form.URL, RequestHeader: canonical(form.RequestHeader),
		RequestBody: cat(form.RequestBody, form.RequestBodyBase64),
		Status:      form.Status, Header: canonical(form.Header), Body: cat(form.Body, form.BodyBase64),
		Error: form.Error, NotSent: form.NotSent,
	}
	return x.check()
}

// text returns a body as a string if it is UTF-8, otherwise as bytes.
func text(body []byte) (string, []byte) {
	if utf8.Valid(body) {
		return string(body), nil
	}
	return "", body
}

func cat(text string, other []byte) []byte {
	if text == "" && len(other) == 0 {
		return nil
	}
	return append([]byte(text), other...)
}

// canonical returns the headers with canonical names, without those that describe the transfer
// of the body and those of HTTP/2 that begin with a colon.
func canonical(header http.Header) http.Header {
	all := http.Header{}
	for name, values := range header {
		switch key := http.CanonicalHeaderKey(name); {
		case key == "Content-Length", key == "Content-Encoding", key == "Transfer-Encoding", strings.HasPrefix(key, ":"), len(values) == 0:
		default:
			all[key] = append(all[key], values...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// check returns an error if an exchange cannot be replayed.
func (x *Exchange) check() error {
	u, err := url.Parse(x.URL)
	switch {
	case x.Method == "":
		return fmt.Errorf("the method is missing")
	case err != nil:
		return fmt.Errorf("the URL is invalid")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("the URL must be absolute, with the scheme https or http")
	case x.Status == 0 && x.Error == "":
		return fmt.Errorf("the status or the error is missing")
	case x.Status != 0 && (x.Status < 100 || x.Status > 999):
		return fmt.Errorf("the status must be between 100 and 999")
	}
	return nil
}

// ReadRecording reads a recording: JSON lines, as [Recorder] writes them, or a file of the HTTP
// Archive format (HAR) 1.2, as browsers and proxies save it. It redacts what Recorder redacts,
// because a HAR file contains credentials, and these secrets.
func ReadRecording(r io.Reader, secrets ...string) ([]Exchange, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	redaction := newRedaction(secrets)
	var all []Exchange
	if isHAR(data) {
		all, err = readHAR(data)
	} else {
		all, err = readLines(data)
	}
	if err != nil {
		return nil, fmt.Errorf("offboardtest: %w", err)
	}
	for i := range all {
		redaction.learn(&all[i])
	}
	for i := range all {
		redaction.apply(&all[i])
	}
	return all, nil
}

// WriteRecording writes exchanges as JSON lines. With [ReadRecording], it converts a HAR file to a
// fixture without secrets.
func WriteRecording(w io.Writer, exchanges []Exchange) error {
	for _, x := range exchanges {
		line, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func readLines(data []byte) ([]Exchange, error) {
	var all []Exchange
	lines := bufio.NewReader(bytes.NewReader(data))
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var x Exchange
			if err := json.Unmarshal(line, &x); err != nil {
				return nil, fmt.Errorf("line %d of the recording: %w", n, err)
			}
			all = append(all, x)
		}
		if err != nil {
			return all, nil
		}
	}
}

// har is the part of a HAR file that is read.
type har struct {
	Log struct {
		Entries []struct {
			StartedDateTime time.Time
			Request         struct {
				Method, URL string
				Headers     []harHeader
				PostData    *struct {
					Text   string
					Params []struct{ Name, Value string }
				}
			}
			Response struct {
				Status  int
				Headers []harHeader
				Content struct{ Text, Encoding string }
				Error   string `json:"_error"` // of Chrome
			}
		}
	}
}

type harHeader struct{ Name, Value string }

// isHAR reports whether data is one JSON object with the member "log".
func isHAR(data []byte) bool {
	var file struct{ Log json.RawMessage }
	return json.Unmarshal(data, &file) == nil && len(file.Log) > 0
}

func readHAR(data []byte) ([]Exchange, error) {
	var file har
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("the HAR file: %w", err)
	}
	var all []Exchange
	for i, entry := range file.Log.Entries {
		x := Exchange{
			Time: entry.StartedDateTime, Method: entry.Request.Method, URL: entry.Request.URL,
			RequestHeader: harHeaders(entry.Request.Headers),
			Status:        max(entry.Response.Status, 0), Header: harHeaders(entry.Response.Headers), Error: entry.Response.Error,
		}
		if post := entry.Request.PostData; post != nil {
			x.RequestBody = cat(post.Text, nil)
			if post.Text == "" && len(post.Params) > 0 {
				form := make([]string, len(post.Params))
				for i, p := range post.Params {
					form[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
				}
				x.RequestBody = []byte(strings.Join(form, "&"))
			}
		}
		content := entry.Response.Content
		switch content.Encoding {
		case "base64":
			body, err := base64.StdEncoding.DecodeString(content.Text)
			if err != nil {
				return nil, fmt.Errorf("entry %d of the HAR file: the content is not base64", i+1)
			}
			x.Body = cat("", body)
		case "":
			x.Body = cat(content.Text, nil)
		default:
			return nil, fmt.Errorf("entry %d of the HAR file: unknown encoding %q of the content", i+1, content.Encoding)
		}
		if x.Status == 0 && x.Error == "" {
			x.Error = "no response"
		}
		if err := x.check(); err != nil {
			return nil, fmt.Errorf("entry %d of the HAR file: %w", i+1, err)
		}
		all = append(all, x)
	}
	return all, nil
}

func harHeaders(headers []harHeader) http.Header {
	all := http.Header{}
	for _, h := range headers {
		all[h.Name] = append(all[h.Name], h.Value)
	}
	return canonical(all)
}
