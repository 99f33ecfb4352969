package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/bench/program"
)

// attack is a way to use the API that might hurt others.
type attack struct {
	name string
	role string
	// request returns the nth request of the loop. An attack has either requests or subscriptions.
	request func(n int) (media string, body []byte)
	// subscriptions are the messages that open subscriptions, all on one socket, which then reads what comes.
	subscriptions [][]byte
}

// operation is a document with its variables.
type operation struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// same sends the same operation again and again.
func same(o operation) func(int) (string, []byte) {
	body, err := json.Marshal(o)
	check(err)
	return func(int) (string, []byte) { return "application/json", body }
}

// each sends the nth operation.
func each(make func(n int) operation) func(int) (string, []byte) {
	return func(n int) (string, []byte) { return same(make(n))(n) }
}

// upload sends a file with a mutation that has the variable $file.
func upload(query, file string) func(int) (string, []byte) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	operations, err := json.Marshal(operation{Query: query, Variables: program.Vars{"file": nil}})
	check(err)
	check(form.WriteField("operations", string(operations)))
	check(form.WriteField("map", `{"0": ["variables.file"]}`))
	part, err := form.CreateFormFile("0", "responses.csv")
	check(err)
	_, err = part.Write([]byte(file))
	check(err)
	check(form.Close())
	return func(int) (string, []byte) { return form.FormDataContentType(), body.Bytes() }
}

//go:embed cases/*.json
var cases embed.FS

// attacks are those of the folder cases, each of which is a request's body, and those that need more than one body.
func attacks(f *facts) (all []attack) {
	files, err := cases.ReadDir("cases")
	check(err)
	for _, file := range files {
		body, err := cases.ReadFile(path.Join("cases", file.Name()))
		check(err)
		all = append(all, attack{name: strings.TrimSuffix(file.Name(), ".json"), role: "PARTNER",
			request: func(int) (string, []byte) { return "application/json", body }})
	}
	return slices.Concat(all, listAttacks(f), reportAttacks(f), socketAttacks(f), writeAttacks(f))
}

// attackers run one attack.
type attackers struct {
	end context.CancelFunc
	all sync.WaitGroup

	mu    sync.Mutex
	count map[string]int // by what became of a request
}

// start runs the attack in n loops at a time, all with one token.
func (w *world) start(ctx context.Context, a attack, n int) *attackers {
	ctx, end := context.WithCancel(ctx)
	running := &attackers{end: end, count: map[string]int{}}
	token := w.token(a.role)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	var next atomic.Int64
	for range n {
		running.all.Go(func() {
			if a.request == nil {
				running.subscribe(ctx, w.server.Address, token, a.subscriptions)
				return
			}
			for ctx.Err() == nil {
				media, body := a.request(int(next.Add(1)))
				running.saw(post(ctx, client, w.server.Address, token, media, body))
			}
		})
	}
	return running
}

func (r *attackers) saw(outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[outcome]++
}

// subscribe opens all subscriptions on one socket and reads what comes until the end. If the server closes the socket, it
// connects again.
func (r *attackers) subscribe(ctx context.Context, address, token string, all [][]byte) {
	for ctx.Err() == nil {
		socket := dial(ctx, address, token)
		stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
		for _, message := range all {
			if socket.WriteMessage(websocket.TextMessage, message) != nil {
				break
			}
			// Over a network it takes time, too; and without a pause, who measures in the same process would have to wait.
			time.Sleep(time.Millisecond)
		}
		for {
			var m struct {
				Type    string
				Payload json.RawMessage
			}
			if err := socket.ReadJSON(&m); err != nil {
				if ctx.Err() == nil {
					r.saw("socket closed")
				}
				break
			}
			switch m.Type {
			case "ping":
				_ = socket.WriteJSON(program.Vars{"type": "pong"})
			case "next":
				r.saw("event")
			case "error":
				r.saw(outcome(0, slices.Concat([]byte(`{"errors":`), m.Payload, []byte(`}`))))
			}
		}
		stop()
		_ = socket.Close()
	}
}

// stop ends the attack and says what became of its requests, the most frequent first.
func (r *attackers) stop() string {
	r.end()
	r.all.Wait()
	var parts []string
	for _, outcome := range slices.SortedFunc(maps.Keys(r.count), func(a, b string) int { return r.count[b] - r.count[a] }) {
		parts = append(parts, fmt.Sprintf("%d %s", r.count[outcome], outcome))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
