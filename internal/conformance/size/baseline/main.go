// Command baseline deletes an organization at MongoDB Atlas with net/http and encoding/json
// only, without any checks. The size test compares programs that use the SDK with it.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: baseline ORG")
	}
	req, err := http.NewRequest(http.MethodDelete, "https://cloud.mongodb.com/api/atlas/v2/orgs/"+os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.atlas.2023-01-01+json")
	req.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	var refusal struct {
		ErrorCode string `json:"errorCode"`
	}
	_ = json.Unmarshal(body, &refusal)
	fmt.Println(resp.StatusCode, refusal.ErrorCode)
}
