package folder_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/folder"
	"github.com/offboard-dev/offboard-go/teardown"
)

func Example() {
	ctx := context.Background()
	directory, err := os.MkdirTemp("", "offboard")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)

	f, err := folder.Open(directory)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	if err := f.Store().Put(ctx, "plans/5f1b", []byte("{}")); err != nil {
		log.Fatal(err)
	}
	_, err = f.Store().Get(ctx, "plans/5f1c")
	fmt.Println(errors.Is(err, fs.ErrNotExist))

	const instance = "https://cloud.mongodb.com"
	err = f.Journal().Append(ctx, teardown.Entry{
		Provider: "atlas", Instance: instance, Organization: "5f1b", Kind: teardown.EntryDeletionStarted,
	})
	if err != nil {
		log.Fatal(err)
	}
	entries, err := f.Journal().Entries(ctx, "atlas", instance, "5f1b")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(entries), entries[0].Kind) // for teardown.WithResume

	// Output:
	// true
	// 1 deletion_started
}
