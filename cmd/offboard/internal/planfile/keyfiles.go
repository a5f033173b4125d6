package planfile

import (
	"os"

	"github.com/offboard-dev/offboard-go/internal/providers"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

// KeyFiles returns the files that credentials are read from: the usual ones, and those that
// entries name in place of them.
func KeyFiles(entries ...Entry) []safefile.Use {
	var files []safefile.Use
	for _, p := range providers.All {
		for _, variable := range p.Files {
			names := []string{variable}
			for _, e := range entries {
				if other := e.Credentials[variable]; e.Provider == p.Name && other != "" {
					names = append(names, other)
				}
			}
			for _, name := range names {
				if file := os.Getenv(name); file != "" {
					files = append(files, safefile.Use{As: "the file of " + variable, Name: file})
				}
			}
		}
	}
	return files
}
