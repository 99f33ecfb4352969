package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/bench/program"
)

const (
	listQuery = `{"query": "{cases(first: 20) {nodes {number status dueAt customer {displayName}}}}"}`
	listEvery = 40 * time.Millisecond
	// An event happens this often, on a case whose comment is long, which every filter has to look through.
	eventEvery    = 100 * time.Millisecond
	eventPatience = 20 * time.Second
	commentLength = 19_000
)

// bystander is everybody but the attacker: a token that asks for a list, a wallboard, and the health check.
type bystander struct {
	server *program.Server
	token  string
	caseID string
	socket *websocket.Conn
	client *http.Client

	mu      sync.Mutex
	arrived map[string]time.Time // of the wallboard's events, by the text of their note
}

// watch connects the wallboard.
func (w *world) watch(ctx context.Context) *bystander {
	b := &bystander{server: w.server, token: w.token("PARTNER"), arrived: map[string]time.Time{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}}
	made := program.Get[struct {
		SubmitResponse struct{ Case struct{ ID string } }
	}](w.server, `mutation ($r: SubmitResponseInput!) {submitResponse(input: $r) {case {id}}}`, program.Vars{"r": program.Vars{
		"score": 1, "comment": strings.Repeat("The seat was cramped, and nobody called me back. ", commentLength/49), "customer": program.Vars{"firstName": "Ana"}}})
	b.caseID = made.SubmitResponse.Case.ID
	b.socket = dial(ctx, w.server.Address, w.token("PARTNER"))
	check(b.socket.WriteJSON(program.Vars{"id": "1", "type": "subscribe", "payload": program.Vars{"query": `subscription {caseEvents {cursor node {type note {body} snapshot {number status}}}}`}}))
	go b.read()
	return b
}

// read notes when each event arrives. It ends with the socket.
func (b *bystander) read() {
	for {
		_, text, err := b.socket.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		check(json.Unmarshal(text, &m))
		var event struct {
			Data struct {
				CaseEvents struct {
					Node struct{ Note *struct{ Body string } }
				}
			}
			Errors []any
		}
		switch m.Type {
		case "ping":
			_ = b.socket.WriteJSON(program.Vars{"type": "pong"})
			continue
		case "next":
			check(json.Unmarshal(m.Payload, &event))
		}
		if m.Type != "next" || len(event.Errors) > 0 {
			log.Panicf("the wallboard gets %.500s", text)
		}
		if note := event.Data.CaseEvents.Node.Note; note != nil {
			b.mu.Lock()
			b.arrived[note.Body] = now
			b.mu.Unlock()
		}
	}
}

func (b *bystander) close() { _ = b.socket.Close() }

// figures are what the bystander saw in one measurement; times are in ms.
type figures struct {
	list, events []float64
	refused      int // lists that were not answered with data
	lost         int // events that did not arrive within eventPatience
	sick         int // health checks that did not get 200
}

// measure asks for the list, causes events and checks the health, at fixed intervals whatever the server does: a server
// that does not answer is not spared the next request.
func (b *bystander) measure(ctx context.Context, d time.Duration) *figures {
	f := &figures{}
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	every := func(interval time.Duration, do func()) {
		all.Go(func() {
			tick := time.NewTicker(interval)
			defer tick.Stop()
			for time.Since(began) < d {
				all.Go(do)
				<-tick.C
			}
		})
	}
	every(listEvery, func() {
		started := time.Now()
		outcome := post(ctx, b.client, b.server.Address, b.token, "application/json", []byte(listQuery))
		mu.Lock()
		defer mu.Unlock()
		f.list = append(f.list, since(started))
		if outcome != answered {
			f.refused++
		}
	})
	every(eventEvery, func() {
		took, ok := b.event(ctx)
		mu.Lock()
		defer mu.Unlock()
		f.events = append(f.events, took)
		if !ok {
			f.lost++
		}
	})
	every(time.Second, func() {
		if !b.healthy(ctx) {
			mu.Lock()
			defer mu.Unlock()
			f.sick++
		}
	})
	all.Wait()
	return f
}

// event adds a note and waits until the wallboard has the event. It returns the time from the beginning of the mutation
// in ms, and false where the event did not arrive.
func (b *bystander) event(ctx context.Context) (took float64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, eventPatience)
	defer cancel()
	started := time.Now()
	text := fmt.Sprintf("event at %d", started.UnixNano())
	body, err := json.Marshal(program.Vars{"query": `mutation ($n: AddNoteInput!) {addNote(input: $n) {note {id}}}`,
		"variables": program.Vars{"n": program.Vars{"caseId": b.caseID, "body": text}}})
	check(err)
	post(ctx, b.client, b.server.Address, program.AdminToken, "application/json", body)
	for time.Since(started) < eventPatience {
		b.mu.Lock()
		at, here := b.arrived[text]
		delete(b.arrived, text)
		b.mu.Unlock()
		if here {
			return at.Sub(started).Seconds() * 1000, true
		}
		time.Sleep(5 * time.Millisecond) // the time is measured by the socket's reader
	}
	return since(started), false
}

func (b *bystander) healthy(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodGet, "http://"+b.server.Address+"/healthz", nil)
	check(err)
	answer, err := b.client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// settle waits until the server is as quick again as without the attack, for a minute at most.
func (b *bystander) settle(ctx context.Context, without *figures) {
	enough := max(50, 3*quantile(without.list, 0.5))
	for began, quick := time.Now(), 0; quick < 10; {
		started := time.Now()
		post(ctx, b.client, b.server.Address, b.token, "application/json", []byte(listQuery))
		if quick++; since(started) > enough {
			quick = 0
		}
		if time.Since(began) > time.Minute {
			log.Printf("a minute after the attack, the list still takes more than %.0f ms", enough)
			return
		}
	}
}

func since(t time.Time) float64 { return time.Since(t).Seconds() * 1000 }
