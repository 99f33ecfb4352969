package event

import (
	"github.com/closeloop/closeloop/internal/filter"
)

// keptEvents is how many of the newest events keep what was found out about them: live subscriptions all decide on them
// within moments. A reader that is further behind decides for itself.
const keptEvents = 256

// subjects are the two snapshots of an event as filters see them, for all readers.
type subjects struct{ then, was *filter.Subject }

// forgotten marks an event that keeps nothing any more.
var forgotten = new(subjects)

// subjects returns the case right after the event and right before it; was is nil where the event opened the case.
func (e *Event) subjects() (then, was *filter.Subject) {
	kept := e.kept.Load()
	switch kept {
	case forgotten:
		if e.Was != nil {
			was = filter.Of(e.Was, e.At)
		}
		return filter.Of(e.Then, e.At), was
	case nil:
		kept = new(subjects)
		kept.then, kept.was = filter.Kept(e.Then, e.Was, e.At)
		if !e.kept.CompareAndSwap(nil, kept) {
			return e.subjects()
		}
	}
	return kept.then, kept.was
}

// forget frees the memory of what was found out about the event.
func (e *Event) forget() {
	e.kept.Store(forgotten)
	e.note.Store(nil)
}
