// Package folder stores the blobs and the journal of a fleet in a directory, for workers on one
// machine. Package postgres has the same store and journal in a database.
//
//	f, err := folder.Open("/var/lib/offboard")
//	store, journal := f.Store(), f.Journal()
//
// The directory has one file for each blob and one journal for each organization:
//
//	blobs/plans%2f5f1b
//	journals/atlas~https%3a%2f%2fcloud.mongodb.com~5f1b.jsonl
//
// A file is written to a temporary name, synced and renamed, and the directory is synced. An entry of
// a journal is one write at the end of the file, and is synced. So a blob is never seen in part, and a
// line of a journal that a crash cut is skipped. The permissions are 0600 for files and 0700 for
// directories. A symbolic link never leads out of the directory.
//
// Use a local file system: appends of several machines to one file on NFS can overwrite each other.
package folder
