// Package program runs the built closeloop for a measurement, as a process of its own on a given database, and queries it
// over HTTP like any client. What goes wrong ends the measurement.
package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// AdminToken is the administrator's token on every server.
const AdminToken = "bench-admin-token-0123456789-0123456789"

// Vars are the variables of an operation.
type Vars = map[string]any

// Server is a closeloop that runs.
type Server struct {
	process *exec.Cmd
	Address string // host:port
}

// Start runs the program on a database until Stop. Settings are those of the environment, as NAME=value.
func Start(program, url string, settings ...string) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := &Server{Address: l.Addr().String()}
	check(l.Close())
	s.process = exec.Command(program, "serve")
	s.process.Env = append(os.Environ(), "CLOSELOOP_LISTEN="+s.Address, "DATABASE_URL="+url, "CLOSELOOP_ADMIN_TOKEN="+AdminToken, "CLOSELOOP_LOG=error")
	s.process.Env = append(s.process.Env, settings...)
	s.process.Stdout, s.process.Stderr = io.Discard, os.Stderr
	check(s.process.Start())
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + s.Address + "/healthz"); err == nil {
			_ = answer.Body.Close()
			return s
		}
		if time.Since(began) > time.Minute {
			log.Panic("the server does not answer")
		}
	}
}

// PID is the process's number, by which the system counts what it uses.
func (s *Server) PID() int { return s.process.Process.Pid }

// Stop ends the server and waits for its end.
func (s *Server) Stop() {
	check(s.process.Process.Signal(os.Interrupt))
	_ = s.process.Wait()
}

// Ask sends an operation that must succeed as the administrator. It returns the data, and the time from the request to
// the last byte of the answer.
func (s *Server) Ask(query string, variables Vars) (json.RawMessage, time.Duration) {
	body, err := json.Marshal(Vars{"query": query, "variables": variables})
	check(err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.Address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+AdminToken)
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

// Get asks for an operation that must succeed, and decodes its data.
func Get[T any](s *Server, query string, variables Vars) (v T) {
	data, _ := s.Ask(query, variables)
	check(json.Unmarshal(data, &v))
	return v
}

// Feed reads n events after a cursor, as server-sent events, and returns their types.
func (s *Server) Feed(after string, n int) (types []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	body, err := json.Marshal(Vars{"query": `subscription ($after: String) {caseEvents(after: $after) {node {type}}}`, "variables": Vars{"after": after}})
	check(err)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+AdminToken)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); len(types) < n && lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok || strings.TrimSpace(text) == "" {
			continue
		}
		var message struct {
			Data struct {
				CaseEvents struct{ Node struct{ Type string } }
			}
		}
		check(json.Unmarshal([]byte(text), &message))
		types = append(types, message.Data.CaseEvents.Node.Type)
	}
	return types
}

func check(err error) {
	if err != nil {
		log.Panicf("%v", err)
	}
}
