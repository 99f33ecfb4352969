// Command peers asks closeloop and three others the same five questions on the same database: a server that was written
// by hand with net/http and pgx, PostGraphile, and PostgreSQL's own pgbench. They take turns, so that other load on the
// machine affects all alike.
//
//	go build -o closeloop . && go run ./bench/peers
//
// Run it in the project's folder. README.md beside it has the results.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closeloop/closeloop/bench/peers/byhand"
)

var (
	binary       = flag.String("closeloop", "./closeloop", "the program")
	folder       = flag.String("folder", "", "folder of the data, which is filled once and kept; default: a temporary folder")
	responses    = flag.Int("responses", 500_000, "number of responses that are generated")
	only         = flag.String("only", "", "names of workloads, or parts of names, with commas between them: case, list, filtered, summary, response; default: all")
	peersNamed   = flag.String("peers", strings.Join([]string{closeloopName, pgxName, postgraphileName, pgbenchName}, ","), "who is measured, in this order")
	seconds      = flag.Float64("seconds", 5, "how long each measurement takes")
	rounds       = flag.Int("rounds", 3, "how often each peer is measured")
	connections  = flag.String("connections", "32,1", "how many requests are sent at a time")
	writes       = flag.Uint("writes", 0, "percent of the requests of the reading workloads that are a response coming in instead")
	settings     = flag.String("settings", "", "further settings of closeloop, as NAME=value with commas between them")
	postgraphile = flag.String("postgraphile", "bench/peers/postgraphile", "folder of PostGraphile's server")
)

// warmUp is how long each peer is asked before it is measured: connections are open and statements prepared afterwards.
const warmUp = time.Second

func main() {
	log.SetFlags(0)
	if len(os.Args) == 4 && os.Args[1] == "byhand" { // see startPgx
		check(byhand.Run(os.Args[2], os.Args[3]))
		return
	}
	flag.Parse()
	parent := *folder
	if parent == "" {
		var err error
		parent, err = os.MkdirTemp("", "peers-*")
		check(err)
		defer os.RemoveAll(parent)
	}
	ctx := context.Background()
	d := openData(ctx, parent)
	defer d.close()
	all := workloads(ctx, d.url(closeloopRole))
	var chosen []*workload
	for _, w := range all {
		named := func(part string) bool { return strings.Contains(w.name, part) }
		if *only == "" || slices.ContainsFunc(strings.Split(*only, ","), named) {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 {
		log.Panicf("no workload is called %s", *only)
	}
	var further []string
	if *settings != "" {
		further = strings.Split(*settings, ",")
	}
	peers := startPeers(ctx, d, all, further)
	for _, p := range peers {
		defer p.stop()
	}
	m := newMeter(ctx, d, peers)
	defer m.conn.Close(ctx)
	for _, w := range chosen {
		checkAnswers(w, peers)
	}
	for n := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(n)
		check(err)
		for _, w := range chosen {
			fmt.Printf("**%s**, %s at a time:\n\n%s\n", w.title, plural(n, "request"), tableHead)
			measured := measureAll(ctx, m, w, peers, n)
			closeloop := slices.IndexFunc(measured, func(m *measuredPeer) bool { return m.peer.name == closeloopName })
			for _, row := range measured {
				if closeloop < 0 {
					fmt.Println(row.row(nil, n == 1, w.writes || *writes > 0))
				} else {
					fmt.Println(row.row(measured[closeloop], n == 1, w.writes || *writes > 0))
				}
			}
			fmt.Println()
		}
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// measureAll measures all peers in turn, in each round.
func measureAll(ctx context.Context, m *meter, w *workload, peers []*peer, connections int) (all []*measuredPeer) {
	for _, p := range peers {
		all = append(all, &measuredPeer{peer: p})
	}
	for range *rounds {
		for _, to := range all {
			p := to.peer
			m.settle()
			var before, after reading
			r := p.run(w, connections, window{warmUp, time.Duration(*seconds * float64(time.Second)),
				func() { before = m.begin(ctx, p) }, func() { after = m.end(ctx, p) }})
			if len(r.latency) == 0 {
				log.Printf("%s has answered no request in %v s, which makes its figures meaningless: give -seconds a larger value", p.name, *seconds)
			}
			records, images := m.walBetween(ctx, before.wal, after.wal)
			to.rounds = append(to.rounds, figuresOf(r, after.server-before.server, after.postgres-before.postgres, after.statements, after.control, records, images))
		}
	}
	return all
}

// chosenPeers are the names of -peers. PostGraphile is left out, with a message, where npm or Node.js is missing.
func chosenPeers() (names []string) {
	for name := range strings.SplitSeq(*peersNamed, ",") {
		if !slices.Contains([]string{closeloopName, pgxName, postgraphileName, pgbenchName}, name) {
			log.Panicf("no peer is called %q", name)
		}
		if name == postgraphileName {
			if missing := missingPrograms("node", "npm"); len(missing) > 0 {
				log.Printf("PostGraphile is not measured, because %s is not installed", strings.Join(missing, " and "))
				continue
			}
		}
		names = append(names, name)
	}
	return names
}

func missingPrograms(names ...string) (missing []string) {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

func check(err error) {
	if err != nil {
		log.Panicf("%v", err)
	}
}
