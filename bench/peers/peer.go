package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/bench/peers/byhand"
	"github.com/closeloop/closeloop/bench/program"
)

// The peers, and the roles of their connections to PostgreSQL, by which their statements are counted.
const (
	closeloopName, closeloopRole       = "closeloop", "closeloop"
	pgxName, pgxRole                   = "pgx", "peer_pgx"
	postgraphileName, postgraphileRole = "postgraphile", "peer_postgraphile"
	pgbenchName, pgbenchRole           = "pgbench", "peer_pgbench"
)

// peer is one of those that are compared.
type peer struct {
	name, role string
	pid        int // of the server; 0: there is none
	run        func(w *workload, connections int, during window) run
	// answer returns the answer to the nth request of a reading workload; nil for a peer whose answers are no JSON.
	answer func(w *workload, n int) []byte
	stop   func()
}

// server is a peer over HTTP.
type server struct {
	address string
	read    func(w *workload, v variant) []byte // the bytes of a request
	write   func(byhand.Submission) []byte

	submissions *submissions
	written     *atomic.Int64
	requests    map[*workload][][]byte
}

// prepare makes the requests of a reading workload. Those for a second page need the cursor of the first one.
func (s *server) prepare(w *workload) {
	if s.requests[w] != nil || w.writes {
		return
	}
	var all [][]byte
	for _, v := range w.variants {
		if v.Country != "" {
			var first struct {
				Data struct {
					Cases struct{ PageInfo struct{ EndCursor string } }
				}
			}
			check(json.Unmarshal(askOne(s.address, s.read(w, v)), &first))
			v.After = first.Data.Cases.PageInfo.EndCursor
		}
		all = append(all, s.read(w, v))
	}
	s.requests[w] = all
}

func (s *server) run(w *workload, connections int, during window) run {
	s.prepare(w)
	return askAll(s.address, connections, during, func(i int) []byte {
		if w.writes || isWrite(i, int(*writes)) {
			return s.write(s.submissions.nth(int(s.written.Add(1))))
		}
		return s.requests[w][i%len(s.requests[w])]
	})
}

// isWrite decides which requests of a reading workload are a response that comes in instead: percent of them, evenly spread.
func isWrite(i, percent int) bool { return i*percent%100 < percent }

func (s *server) answer(w *workload, n int) []byte {
	s.prepare(w)
	if w.writes {
		return askOne(s.address, s.write(s.submissions.nth(int(s.written.Add(1)))))
	}
	return askOne(s.address, s.requests[w][n%len(s.requests[w])])
}

func (s *server) peer(name, role string, pid int, stop func()) *peer {
	s.requests = map[*workload][][]byte{}
	return &peer{name: name, role: role, pid: pid, run: s.run, answer: s.answer, stop: stop}
}

// graphql returns the bytes of a request with an operation.
func graphql(token, query string, variables any) []byte {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(err)
	return post("/graphql", token, body)
}

// variablesOf are the variables of a reading operation, those that it has.
func variablesOf(v variant) map[string]any {
	switch {
	case v.Number != 0:
		return map[string]any{"number": v.Number}
	case v.Country == "":
		return nil
	case v.After == "":
		return map[string]any{"country": v.Country, "low": v.Low, "high": v.High}
	}
	return map[string]any{"country": v.Country, "low": v.Low, "high": v.High, "after": v.After}
}

// settingsOfBench are such that nothing refuses or delays the one token that all requests have, and that a machine that is
// busy with other things ends no statement.
var settingsOfBench = []string{
	"CLOSELOOP_RATE_LIMIT=2000000000", "CLOSELOOP_RATE_RESTORE=2000000000", "CLOSELOOP_TOKEN_SHARE=100",
	"CLOSELOOP_LIST_TIMEOUT=1m", "CLOSELOOP_REPORT_TIMEOUT=1m", "CLOSELOOP_WRITE_TIMEOUT=1m", "CLOSELOOP_QUEUE_TIMEOUT=1m",
}

// startCloseloop starts the built program.
func startCloseloop(d *data, all []*workload, in *submissions, written *atomic.Int64, settings []string) *peer {
	process := program.Start(*binary, d.url(closeloopRole), slices.Concat(settingsOfBench, settings)...)
	assignInTurn(process)
	submit := all[len(all)-1].closeloop
	s := &server{address: process.Address, submissions: in, written: written,
		read: func(w *workload, v variant) []byte { return graphql(program.AdminToken, w.closeloop, variablesOf(v)) },
		write: func(in byhand.Submission) []byte {
			return graphql(program.AdminToken, submit, map[string]any{"input": in})
		}}
	return s.peer(closeloopName, closeloopRole, process.PID(), process.Stop)
}

// assignInTurn makes the rule for low scores choose the agents in turn, as the peers do.
func assignInTurn(s *program.Server) {
	found := program.Get[struct {
		Rules []struct {
			ID         string
			Position   int
			Assignment struct{ Users []struct{ ID string } }
		}
	}](s, `{rules {id position assignment {users {id}}}}`, nil)
	var agents []string
	for _, user := range found.Rules[0].Assignment.Users {
		agents = append(agents, user.ID)
	}
	s.Ask(`mutation ($r: UpdateRuleInput!) {updateRule(input: $r) {rule {id}}}`, program.Vars{"r": program.Vars{
		"ruleId": found.Rules[0].ID, "assignment": program.Vars{"strategy": "ROUND_ROBIN", "userIds": agents}}})
}

// startPgx starts this program again as the server that is written by hand.
func startPgx(d *data, in *submissions, written *atomic.Int64) *peer {
	self, err := os.Executable()
	check(err)
	address, process, stop := startProcess(func(address string) *exec.Cmd {
		return exec.Command(self, "byhand", address, d.url(pgxRole))
	})
	s := &server{address: address, submissions: in, written: written,
		read: func(w *workload, v variant) []byte {
			q := url.Values{}
			for name, value := range variablesOf(v) {
				q.Set(name, fmt.Sprint(value))
			}
			return get(w.path + "?" + q.Encode())
		},
		write: func(in byhand.Submission) []byte {
			body, err := json.Marshal(in)
			check(err)
			return post("/responses", "", body)
		}}
	return s.peer(pgxName, pgxRole, process.Pid, stop)
}

// startPostgraphile installs PostGraphile from npm, if that was not done yet, and starts it.
func startPostgraphile(d *data, all []*workload, in *submissions, written *atomic.Int64) *peer {
	if _, err := os.Stat(filepath.Join(*postgraphile, "node_modules", ".package-lock.json")); err != nil {
		install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		install.Dir, install.Stdout, install.Stderr = *postgraphile, os.Stderr, os.Stderr
		check(install.Run())
	}
	address, process, stop := startProcess(func(address string) *exec.Cmd {
		node := exec.Command("node", "server.mjs")
		node.Dir = *postgraphile
		node.Env = append(os.Environ(), "NODE_ENV=production", "GRAPHILE_ENV=production", "LISTEN="+address, "DATABASE_URL="+d.url(postgraphileRole))
		return node
	})
	submit := all[len(all)-1].postgraphile
	s := &server{address: address, submissions: in, written: written,
		read: func(w *workload, v variant) []byte { return graphql("", w.postgraphile, variablesOf(v)) },
		write: func(in byhand.Submission) []byte {
			return graphql("", submit, map[string]any{"input": map[string]any{"responseId": in.ExternalID, "customerId": in.Customer.ExternalID, "firstName": in.Customer.FirstName,
				"lastName": in.Customer.LastName, "email": in.Customer.Email, "country": in.Customer.Country, "score": in.Score, "comment": in.Comment}})
		}}
	return s.peer(postgraphileName, postgraphileRole, process.Pid, stop)
}

// startProcess starts a server on a free port and waits until it answers. The server ends when its standard input ends.
func startProcess(command func(address string) *exec.Cmd) (address string, process *os.Process, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	address = l.Addr().String()
	check(l.Close())
	cmd := command(address)
	in, err := cmd.StdinPipe()
	check(err)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + address + "/healthz"); err == nil { // whatever the status
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			break
		}
		select {
		case err := <-ended:
			check(fmt.Errorf("%s has ended: %w", cmd.Path, err))
		default:
		}
		if time.Since(began) > time.Minute {
			check(fmt.Errorf("%s does not answer", cmd.Path))
		}
	}
	return address, cmd.Process, func() {
		_ = in.Close()
		<-ended
	}
}

// startPeers starts the peers that were chosen. PostGraphile is left out, with a message, where there is no npm.
func startPeers(ctx context.Context, d *data, all []*workload, settings []string) (peers []*peer) {
	in, written := newSubmissions(ctx, d.url(closeloopRole)), new(atomic.Int64)
	for _, name := range chosenPeers() {
		switch name {
		case closeloopName:
			peers = append(peers, startCloseloop(d, all, in, written, settings))
		case pgxName:
			peers = append(peers, startPgx(d, in, written))
		case postgraphileName:
			peers = append(peers, startPostgraphile(d, all, in, written))
		case pgbenchName:
			peers = append(peers, newPgbench(ctx, d))
		}
	}
	return peers
}
