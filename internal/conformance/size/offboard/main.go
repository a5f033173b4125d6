// Command offboard is the smallest program that deletes an organization at MongoDB Atlas
// with the SDK.
package main

import (
	"context"
	"log"
	"os"

	"github.com/offboard-dev/offboard-go/atlas"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: offboard ORG")
	}
	if err := atlas.DeleteOrganization(context.Background(), os.Args[1], atlas.FromEnv()); err != nil {
		log.Fatal(err)
	}
}
