package answer

import "github.com/closeloop/closeloop/internal/shared"

// entry is an answer that is kept. It is the answer in the current state, if a look that was sent after the end of its run
// sees that state too.
type entry struct {
	*Answer
	ended int64 // by Answers.clock
}

func (e entry) size() int { return len(e.Data) + ownBytes }

// get returns the answer that is kept if the look proves that it is what a run would find now; nil if it does not.
func (a *Answers) get(key Key, seen look) *Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if seen.state != a.current {
		return nil
	}
	if e, ok := a.kept.Get(key); ok && e.ended < seen.sent {
		return e.Answer
	}
	return nil
}

// keep keeps the answer of a run that ends now, and before which the database had the state.
func (a *Answers) keep(key Key, before state, found *Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clock++
	e := entry{found, a.clock}
	if before != a.current || e.size() > eachBytes {
		return
	}
	a.kept.Remove(key)
	a.kept.Add(key, e)
	for a.bytes += e.size(); a.bytes > a.total; {
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
