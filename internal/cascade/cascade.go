// Package cascade compares what a provider deletes along with an organization with
// what a plan names of it.
package cascade

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// maxIDs is how many IDs of a kind a plan names. Of more it has a digest.
const maxIDs = 10_000

// Identify adds the IDs of all items to a loss, or their digest if they are many. The order
// of the IDs does not matter.
func Identify(loss *teardown.Cascade, ids []string) {
	ids = slices.Sorted(slices.Values(ids))
	if len(ids) > maxIDs {
		loss.Digest = digest(ids)
		return
	}
	loss.IDs = ids
}

// digest is the SHA-256 of IDs in order, in hex.
func digest(ids []string) string {
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return hex.EncodeToString(sum[:])
}

// Compare returns [errors.PlanStale] if a plan does not name all that is deleted along with
// an organization of one kind now: if there is more of it, if an item is not one of the
// plan's, or if it cannot be read (its count is 0) and could be when the plan was made.
// What is new would be deleted, and nobody has approved that. It returns nil without a plan.
func Compare(provider, organization string, now teardown.Cascade, before *teardown.Plan) error {
	if before == nil {
		return nil
	}
	var planned teardown.Cascade // none
	i := slices.IndexFunc(before.Cascades, func(l teardown.Cascade) bool { return l.Kind == now.Kind })
	if i >= 0 {
		planned = before.Cascades[i]
	}
	text := ""
	switch {
	case now.Count == 0 && i >= 0 && planned.Count == 0:
		return nil
	case now.Count == 0:
		text = "cannot be read, and could be when the plan was made: " + now.Note
	case now.Count > planned.Count:
		text = fmt.Sprintf("are %d, and the plan names %d", now.Count, planned.Count)
	case planned.Digest != "" && planned.Digest != now.Digest && planned.Digest != digest(now.IDs):
		text = "are others than those of the plan"
	case planned.IDs != nil && len(now.IDs) != now.Count:
		text = "cannot be told from those of the plan: their IDs cannot be read"
	case planned.IDs != nil:
		known := slices.Sorted(slices.Values(planned.IDs)) // whoever edits a plan may not have sorted them
		at := slices.IndexFunc(now.IDs, func(id string) bool { _, found := slices.BinarySearch(known, id); return !found })
		if at >= 0 {
			text = fmt.Sprintf("have a new one, %q", now.IDs[at])
		}
	}
	if text == "" {
		return nil
	}
	return &errors.Error{
		Provider: provider, Operation: "Teardown", Target: organization, Code: errors.PlanStale,
		Steps: []errors.Step{{Name: now.Kind, Description: text}}, Err: fmt.Errorf("%s %s", now.Kind, text),
	}
}
