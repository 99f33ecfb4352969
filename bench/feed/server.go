//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/closeloop/closeloop/bench/program"
)

// server is a process to measure.
type server struct {
	process *exec.Cmd
	address string
	token   string
	event   func(text string) // causes one event; its text is delivered to every subscriber
	halt    func()            // ends the process and keeps its data
	stop    func()            // ends the process and removes its data
}

// startBare starts the bare server. A socket that subscribes to it gets a number of messages at once, of so many bytes
// each, before those that are published.
func startBare(messages, bytes int) server {
	c := exec.Command(self(), "bare", fmt.Sprint(messages), fmt.Sprint(bytes))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	check(err)
	check(c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	check(err)
	s := server{process: c, address: strings.TrimSpace(line)}
	s.event = func(text string) {
		answer, err := http.Post("http://"+s.address+"/publish", "text/plain", strings.NewReader(text))
		check(err)
		_ = answer.Body.Close()
	}
	s.stop = func() { _ = c.Process.Kill(); _ = c.Wait() }
	return s
}

func startCloseloop(program string) server {
	s := launch(program, scratch())
	s.prepare()
	return s
}

// launch starts the program on a data folder, which may hold what another has left.
func launch(program, data string) server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := server{address: l.Addr().String(), token: "bench-admin-token-0123456789abcdef"}
	check(l.Close())
	c := exec.Command(program, "serve")
	c.Env = append(os.Environ(), "CLOSELOOP_LISTEN="+s.address, "CLOSELOOP_DATA_DIR="+data, "CLOSELOOP_ADMIN_TOKEN="+s.token,
		"CLOSELOOP_MAX_SOCKETS=1000000", "CLOSELOOP_MAX_SOCKETS_PER_TOKEN=1000000", "DATABASE_URL=", "CLOSELOOP_LOG=warn",
		"CLOSELOOP_RATE_LIMIT=2000000000", "CLOSELOOP_RATE_RESTORE=2000000000")
	c.Stderr = os.Stderr
	check(c.Start())
	s.process = c
	for range 300 {
		if answer, err := http.Get("http://" + s.address + "/healthz"); err == nil {
			_ = answer.Body.Close()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.halt = func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}
	s.stop = func() {
		s.halt()
		_ = os.RemoveAll(filepath.Dir(data))
	}
	return s
}

// prepare opens the case whose notes are the events.
func (s *server) prepare() {
	s.gql(`mutation {createRule(input: {name: "All", scores: [0, 1, 2]}) {rule {id}}}`, nil)
	created := s.gql(`mutation {submitResponse(input: {score: 1, comment: "Nobody called me back.", customer: {firstName: "Ana", country: "BR", company: "Acme"}}) {case {id}}}`, nil)
	id := created["submitResponse"].(map[string]any)["case"].(map[string]any)["id"]
	s.event = func(text string) {
		s.gql(`mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, map[string]any{"input": map[string]any{"caseId": id, "body": text}})
	}
}

func (s server) gql(query string, variables any) map[string]any {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(err)
	request, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(err)
	var decoded struct {
		Data   map[string]any
		Errors []any
	}
	check(json.Unmarshal(text, &decoded))
	if len(decoded.Errors) > 0 {
		log.Fatalf("%s: %s", query, text)
	}
	return decoded.Data
}

// cpu returns the CPU time of the server's own process, without PostgreSQL.
func (s server) cpu() time.Duration {
	used, ok := program.TimeOf(s.process.Process.Pid)
	if !ok {
		log.Fatalf("process %d has ended", s.process.Process.Pid)
	}
	return used.Own
}

// resident returns the server's resident memory in KB.
func (s server) resident() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.process.Process.Pid))
	check(err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	check(err)
	return pages * syscall.Getpagesize() / 1024
}

// highWater returns the most resident memory that the server has had, in KB.
func (s server) highWater() (kb int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	check(err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	_, err = fmt.Sscan(rest, &kb)
	check(err)
	return kb
}
