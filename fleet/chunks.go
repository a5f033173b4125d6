package fleet

import (
	"slices"

	"github.com/offboard-dev/offboard-go/teardown"
)

// Limits of the chunks of a plan. A chunk is one activity, which inspects the organization once: more
// chunks need more requests.
const (
	minChunkSize = 200
	maxChunks    = 20
	maxStarted   = 400 // steps that wait for the provider at the same time: chunks run one after another
)

// chunkSize returns the number of steps in the chunks of a plan.
func chunkSize(steps int) int { return max(minChunkSize, (steps+maxChunks-1)/maxChunks) }

// chunk is a part of the steps of a plan.
type chunk struct {
	ids   []string
	after []int // chunks that contain steps which steps of this chunk come after
}

// chunksOf divides the steps of a plan. The same plan always has the same chunks. A step is put
// into the chunk of the step before it if possible, so that a chain, such as a machine and its
// disk, is in one chunk, whose steps are released one by one.
func chunksOf(steps []teardown.Step, size int) []chunk {
	index := make(map[string]int, len(steps))
	next, before := make([][]int, len(steps)), make([]int, len(steps))
	for i, s := range steps {
		index[s.ID] = i
		for _, id := range s.After {
			if j, ok := index[id]; ok {
				next[j] = append(next[j], i)
				before[i]++
			}
		}
	}
	var chunks []chunk
	at := make([]int, len(steps)) // the chunk of each step that is placed
	var stack []int
	place := func(i int) {
		if len(chunks) == 0 || len(chunks[len(chunks)-1].ids) == size {
			chunks = append(chunks, chunk{})
		}
		n := len(chunks) - 1
		c := &chunks[n]
		c.ids = append(c.ids, steps[i].ID)
		at[i] = n
		for _, id := range steps[i].After {
			if j, ok := index[id]; ok && at[j] != n && !slices.Contains(c.after, at[j]) {
				c.after = append(c.after, at[j])
			}
		}
		for k := len(next[i]) - 1; k >= 0; k-- {
			j := next[i][k]
			if before[j]--; before[j] == 0 {
				stack = append(stack, j)
			}
		}
	}
	ready := make([]bool, len(steps))
	for i := range steps {
		ready[i] = before[i] == 0
	}
	for i := range steps {
		if !ready[i] {
			continue
		}
		place(i)
		for len(stack) > 0 {
			j := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			place(j)
		}
	}
	return chunks
}
