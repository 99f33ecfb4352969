// Package fuzz holds the fuzz tests of the whole program: any bytes as a request, any document that is valid for the
// schema with any variables, and any messages on a socket. Whatever comes, nothing panics, no answer has a status of 5xx
// or the code INTERNAL, and memory stays flat. The seeds run with `go test`; `go test -fuzz FuzzDocument ./e2e/fuzz` looks
// for more.
package fuzz

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/querytest"
	"github.com/closeloop/closeloop/model"
)

const (
	runsBetween = 2000     // inputs between two looks at the memory
	growthMax   = 64 << 20 // bytes of live memory more than after the first of them
	pointsMax   = 2_000_000_000
)

// world is a server with a little data, which all inputs of one process share.
type world struct {
	*setup.Server
	pool querytest.Pool
	runs int
	heap uint64 // bytes in use after the first inputs
}

// newWorld makes a server whose tokens never run out of points, and values that operations may use. The ids of the
// callers are not among them, so that no operation takes a caller's rights away.
func newWorld(f *testing.F) *world {
	f.Helper()
	s := setup.NewServer(f, setup.Options{Rate: [2]config.Number{pointsMax, pointsMax}})
	rule := s.AddRule(nil)
	other := s.AddUser("other", setup.Vars{"role": "AGENT"})
	theme := s.OK(model.Manager, `mutation {createTheme(input: {name: "Seat", keywords: ["seat"]}) {theme {id}}}`, nil).Text("createTheme.theme.id")
	ids := map[string][]any{"rule": {rule}, "user": {other}, "assignee": {other}, "author": {other}, "reassignTo": {other}, "theme": {theme}}
	for i := range 8 {
		response, opened := s.Submit(setup.Vars{
			"score": i, "comment": "The seat is late.", "survey": "Booking", "externalId": fmt.Sprint("r-", i),
			"customer": setup.Vars{"firstName": "Ana", "lastName": "Souza", "country": "BR", "company": "Acme", "externalId": fmt.Sprint("c-", i)},
		})
		ids["response"] = append(ids["response"], response)
		if opened != "" {
			s.AddNote(opened, "Called.")
			ids["case"] = append(ids["case"], opened)
		}
	}
	for noun, query := range map[string]string{"customer": `{list: customers {nodes {id}}}`, "note": `{list: notes {nodes {id}}}`, "event": `{list: caseEvents {nodes {id}}}`} {
		for _, n := range s.OK(model.Admin, query, nil).List("list.nodes") {
			ids[noun] = append(ids[noun], n.Text("id"))
		}
	}
	w := &world{Server: s, pool: querytest.Plausible(time.Now())}
	w.pool.AddIDs(setup.Schema(), ids)
	w.pool["Query.cases.after"] = []any{s.OK(model.Admin, `{cases(first: 2) {pageInfo {endCursor}}}`, nil).Text("cases.pageInfo.endCursor"), "x"}
	w.pool["Subscription.caseEvents.after"] = []any{s.Cursor(), "x"}
	w.pool["Query.caseEvents.after"] = w.pool["Subscription.caseEvents.after"]
	return w
}

// check fails the test where the log tells of a panic, an internal error or a stack, and looks at the memory now and then.
func (w *world) check(t *testing.T) {
	t.Helper()
	for _, line := range w.Log.Take() {
		if strings.Contains(line, "panic") || strings.Contains(line, "internal error") {
			t.Errorf("the log says: %.2000s", line)
		}
	}
	if w.runs++; w.runs%runsBetween != 0 {
		return
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if w.heap == 0 {
		w.heap = m.HeapAlloc
	}
	if m.HeapAlloc > w.heap+growthMax {
		t.Errorf("after %d inputs %d MiB of memory are in use; after %d inputs it was %d MiB", w.runs, m.HeapAlloc>>20, runsBetween, w.heap>>20)
	}
}

// blamesServer reports whether an answer says that the server is at fault.
func blamesServer(answer string) bool {
	return strings.Contains(answer, `"INTERNAL"`) || strings.Contains(answer, "panic")
}

// roleOf chooses a role by a byte.
func roleOf(b byte) model.Role { return setup.Roles[int(b)%len(setup.Roles)] }
