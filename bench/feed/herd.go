//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// measureHerd lets all sockets come at once to a server that has just started, each -herd events behind, and compares the
// time with that of a bare server that writes the same bytes. Meanwhile another token's list and /healthz are asked for.
func measureHerd(program string) {
	data := scratch()
	s := launch(program, data)
	s.prepare()
	start := s.feedCursor()
	s.happen(*herd)
	other := s.createToken()
	s.halt()
	s = launch(program, data)
	quiet := s.probe(other)
	time.Sleep(5 * time.Second)
	fmt.Println("before the herd:", quiet.stop())
	empty := s.resident()

	busy := s.probe(other)
	closeloop := catchUp(s, start)
	fmt.Println("during the herd:", busy.stop())
	fmt.Printf("%s: %s; memory at most %d MB, %d MB before\n", program, closeloop, s.highWater()>>10, empty>>10)
	s.stop()

	b := startBare(*herd, closeloop.size)
	bare := catchUp(b, "the first")
	fmt.Printf("bare: %s; memory at most %d MB\n", bare, b.highWater()>>10)
	b.stop()
	fmt.Printf("%s / bare: time %.2f, CPU %.2f\n", program, closeloop.seconds/bare.seconds, closeloop.cpu/bare.cpu)
}

// caught is how a herd caught up.
type caught struct {
	deliveries, wrong, size int
	connected, seconds, cpu float64 // seconds to connect all, until all was delivered, and of the server's CPU time
}

func (c caught) String() string {
	return fmt.Sprintf("%d sockets connected in %.1f s and had %d messages of %d bytes after %.1f s, %d missing, %d out of order; %.1f s of CPU",
		*sockets, c.connected, c.deliveries, c.size, c.seconds, *sockets**herd-c.deliveries, c.wrong, c.cpu)
}

func catchUp(s server, after string) (c caught) {
	before := s.cpu()
	all := startSubscribers(s, after)
	defer all.stop()
	all.command(fmt.Sprint("caught ", *sockets**herd), &c.deliveries, &c.wrong, &c.size, &c.seconds)
	c.connected, c.cpu = all.took, (s.cpu() - before).Seconds()
	return c
}

// happen causes n numbered events, one after the other.
func (s server) happen(n int) {
	for i := range n {
		s.event(fmt.Sprintf("T0;%06d;%s", i+1, strings.Repeat("x", max(0, *length-10))))
	}
}

func (s server) feedCursor() string {
	return s.gql(`{cases(first: 1) {feedCursor}}`, nil)["cases"].(map[string]any)["feedCursor"].(string)
}

// createToken creates a token of another user.
func (s server) createToken() string {
	created := s.gql(`mutation {createUser(input: {name: "Bo", email: "bo@example.com", role: MANAGER}) {user {id}}}`, nil)
	id := created["createUser"].(map[string]any)["user"].(map[string]any)["id"]
	token := s.gql(`mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`, map[string]any{"input": map[string]any{"userId": id, "name": "list"}})
	return token["createApiToken"].(map[string]any)["secret"].(string)
}

// probe asks for a list and for /healthz in turn, twenty times a second each, until stop is called.
type probe struct {
	end    chan struct{}
	ended  sync.WaitGroup
	list   []float64 // ms
	health []float64
	failed atomic.Int64 // answers that were not 200
}

func (s server) probe(token string) *probe {
	p := &probe{end: make(chan struct{})}
	query, err := json.Marshal(map[string]any{"query": `{cases(first: 20) {nodes {id number status customer {displayName}}}}`})
	check(err)
	ask := func(to *[]float64, method, path string, body []byte) {
		client := &http.Client{Timeout: time.Minute}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-p.end:
				return
			}
			request, err := http.NewRequest(method, "http://"+s.address+path, bytes.NewReader(body))
			check(err)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			began := time.Now()
			answer, err := client.Do(request)
			if err != nil {
				log.Println(err)
				p.failed.Add(1)
				continue
			}
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			*to = append(*to, float64(time.Since(began).Microseconds())/1000)
			if err != nil || answer.StatusCode != http.StatusOK || bytes.Contains(text, []byte(`"errors"`)) {
				p.failed.Add(1)
			}
		}
	}
	p.ended.Go(func() { ask(&p.list, http.MethodPost, "/graphql", query) })
	p.ended.Go(func() { ask(&p.health, http.MethodGet, "/healthz", nil) })
	return p
}

// stop ends the probe and describes what it saw.
func (p *probe) stop() string {
	close(p.end)
	p.ended.Wait()
	at := func(ms []float64, q float64) float64 {
		if len(ms) == 0 {
			return 0
		}
		slices.Sort(ms)
		return ms[int(q*float64(len(ms)-1))]
	}
	return fmt.Sprintf("another token's list p50 %.1f p99 %.1f ms (%d), /healthz p50 %.1f p99 %.1f ms (%d), %d failed",
		at(p.list, 0.5), at(p.list, 0.99), len(p.list), at(p.health, 0.5), at(p.health, 0.99), len(p.health), p.failed.Load())
}
