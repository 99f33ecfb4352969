package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// server is the built program on one database, queried over HTTP like by any client.
type server struct {
	process *exec.Cmd
	address string
}

const token = "bench-admin-token-0123456789"

func serve(program, url string) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := &server{address: l.Addr().String()}
	check(l.Close())
	s.process = exec.Command(program, "serve")
	s.process.Env = append(os.Environ(), "CLOSELOOP_LISTEN="+s.address, "DATABASE_URL="+url, "CLOSELOOP_ADMIN_TOKEN="+token, "CLOSELOOP_LOG=error")
	s.process.Stdout, s.process.Stderr = io.Discard, os.Stderr
	check(s.process.Start())
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + s.address + "/healthz"); err == nil {
			_ = answer.Body.Close()
			return s
		}
		if time.Since(began) > time.Minute {
			log.Panic("the server does not answer")
		}
	}
}

func (s *server) stop() {
	check(s.process.Process.Signal(os.Interrupt))
	_ = s.process.Wait()
}

type vars = map[string]any

// ask returns the answer and the time from the request to the last byte of the answer.
func (s *server) ask(query string, variables vars) (json.RawMessage, time.Duration) {
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	check(err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	check(err)
	text, err := io.ReadAll(answer.Body)
	took := time.Since(began)
	check(err)
	_ = answer.Body.Close()
	var decoded struct {
		Data   json.RawMessage
		Errors []any
	}
	if err := json.Unmarshal(text, &decoded); err != nil || len(decoded.Errors) > 0 {
		log.Panicf("%s %v: %s", query, variables, text)
	}
	return decoded.Data, took
}

// get reads one field of the data into a value.
func get[T any](s *server, query string, variables vars) (v T) {
	data, _ := s.ask(query, variables)
	check(json.Unmarshal(data, &v))
	return v
}

// createConfig creates users, rules and themes over the API.
func createConfig(s *server) {
	var agents []any
	for i := range 30 {
		user := vars{"name": fmt.Sprintf("%s %s", firstNames[i], lastNames[i]), "email": fmt.Sprintf("agent%02d@example.com", i), "role": "AGENT"}
		made := get[struct {
			CreateUser struct{ User struct{ ID string } }
		}](s, `mutation ($u: CreateUserInput!) {createUser(input: $u) {user {id}}}`, vars{"u": user})
		agents = append(agents, made.CreateUser.User.ID)
	}
	for _, rule := range []vars{
		{"name": "Detractors", "scores": []int{0, 1, 2, 3, 4, 5, 6}, "assignment": vars{"strategy": "LEAST_BUSY", "userIds": agents}},
		{"name": "Passives who ask for a call", "scores": []int{7, 8}, "contactRequested": true, "assignment": vars{"strategy": "ROUND_ROBIN", "userIds": agents}},
		{"name": "Calls in the biggest markets", "contactRequested": true, "opensCase": false, "filter": vars{"customer": vars{"country": vars{"in": []string{"US", "GB", "DE"}}}},
			"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}},
	} {
		s.ask(`mutation ($r: CreateRuleInput!) {createRule(input: $r) {rule {id}}}`, vars{"r": rule})
	}
	for i, theme := range [][]string{
		{"Seat", "seat", "chair", "legroom", "cushion", "armrest"}, {"Staff", "crew", "staff", "captain", "agent"}, {"Food", "food", "meal", "snack", "breakfast", "wine"},
		{"Delay", "delay*", "late", "schedule"}, {"Luggage", "luggage", "suitcase"}, {"Price", "price", "expensive"}, {"App", "app", "website", "password"},
		{"Support", "support", "hotline", "chatbot"}, {"Refund", "refund", "voucher"}, {"Cleanliness", "toilet", "dirty", "filthy", "spotless"}, {"Wi-Fi", "wifi"},
		{"Booking", "booking*", "checkout", "invoice"},
	} {
		s.ask(`mutation ($t: CreateThemeInput!) {createTheme(input: $t) {theme {id}}}`, vars{"t": vars{"name": theme[0], "keywords": theme[1:], "effort": []string{"MEDIUM", "EASY", "HARD"}[i%3]}})
	}
}

// feed reads n events after a cursor, as server-sent events, and returns their types.
func (s *server) feed(after string, n int) (types []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	body, err := json.Marshal(vars{"query": `subscription ($after: String) {caseEvents(after: $after) {type}}`, "variables": vars{"after": after}})
	check(err)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); len(types) < n && lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok || strings.TrimSpace(text) == "" {
			continue
		}
		var message struct {
			Data struct{ CaseEvents struct{ Type string } }
		}
		check(json.Unmarshal([]byte(text), &message))
		types = append(types, message.Data.CaseEvents.Type)
	}
	return types
}
