package answer

import "github.com/closeloop/closeloop/internal/shared"

func (a *Answer) size() int { return len(a.Data) + ownBytes }

// keep keeps the answer of a run before which the database had the state, unless a look has seen another state since. All
// that is kept was run for in the current state, or later.
func (a *Answers) keep(key Key, before state, found *Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before != a.current || found.size() > eachBytes {
		return
	}
	a.kept.Remove(key)
	a.kept.Add(key, found)
	for a.bytes += found.size(); a.bytes > a.total; {
		a.kept.RemoveOldest()
	}
}

// flight is what callers share who ask the same question at the same time.
type flight struct {
	*shared.Question[*Answer]
	callers int
}

func (a *Answers) join(key Key) *flight {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.flights[key]
	if f == nil {
		f = &flight{Question: shared.New[*Answer]()}
		a.flights[key] = f
	}
	f.callers++
	return f
}

func (a *Answers) leave(key Key, f *flight) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.callers--; f.callers == 0 {
		delete(a.flights, key)
	}
}
