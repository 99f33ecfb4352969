// Package inflight bounds the memory of answers that their clients have not taken yet.
//
// It refuses to write answers and to decide how long a client may take: whoever writes an answer does.
package inflight

import (
	"container/list"
	"sync"
)

// Answers counts the bytes of the answers that are on their way, all together and of each owner.
type Answers struct {
	most int

	mu     sync.Mutex
	bytes  int
	owners map[string]*owner
}

type owner struct {
	bytes   int
	answers list.List // of *answer, the oldest first
}

type answer struct {
	bytes int
	cut   func()
}

// New makes a count of at most so many bytes.
func New(most int) *Answers { return &Answers{most: most, owners: map[string]*owner{}} }

// Hold counts an answer until release is called. While all answers have more bytes than there may be, the oldest one of
// the owner with the most bytes is cut: cut is called, at most once, and must end the answer without waiting. A single
// answer is never cut, however large. release may be called after a cut.
func (a *Answers) Hold(name string, bytes int, cut func()) (release func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.owners[name]
	if o == nil {
		o = &owner{}
		a.owners[name] = o
	}
	at := o.answers.PushBack(&answer{bytes: bytes, cut: cut})
	o.bytes += bytes
	a.bytes += bytes
	for a.bytes > a.most && (len(a.owners) > 1 || o.answers.Len() > 1) {
		greediest := a.greediest()
		oldest := a.owners[greediest].answers.Front()
		a.remove(greediest, oldest)
		oldest.Value.(*answer).cut()
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.remove(name, at)
	}
}

func (a *Answers) greediest() (name string) {
	most := -1
	for n, o := range a.owners {
		if o.bytes > most {
			name, most = n, o.bytes
		}
	}
	return name
}

// remove ends the count of an answer, unless it has ended already. The caller holds the lock.
func (a *Answers) remove(name string, at *list.Element) {
	counted := at.Value.(*answer)
	if counted.bytes == 0 {
		return
	}
	o := a.owners[name]
	o.answers.Remove(at)
	o.bytes -= counted.bytes
	a.bytes -= counted.bytes
	counted.bytes = 0
	if o.answers.Len() == 0 {
		delete(a.owners, name)
	}
}
