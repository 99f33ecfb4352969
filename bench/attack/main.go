// Command attack measures what one token can do to everybody else. It fills a private PostgreSQL with 80,000 responses and
// 51,000 cases, starts the built program on it with its default settings, and lets one token send each attack in a loop,
// one and ten at a time. Meanwhile it measures another token's list, a wallboard's events, and the health check.
//
//	go build -o closeloop . && go run ./bench/attack
//
// With -price it compares the price of random queries with the time that they take in the database.
//
// Run it in the project's folder. README.md beside it has the results.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	binary    = flag.String("closeloop", "./closeloop", "the program")
	folder    = flag.String("folder", "", "folder of the data, which is filled once and kept; default: a temporary folder")
	responses = flag.Int("responses", 80_000, "number of responses that are generated")
	only      = flag.String("only", "", "names of attacks, or parts of names, with commas between them; default: all")
	seconds   = flag.Float64("seconds", 6, "how long each attack runs, and how long the same is measured without it")
	at        = flag.String("at", "1,10", "how many of an attack run at a time")
	list      = flag.Bool("list", false, "print the names of the attacks")
	price     = flag.Int("price", 0, "compare the price of so many random queries with their time, instead of attacking")
	seed      = flag.Uint64("seed", 1, "of the random queries")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *list {
		for _, a := range attacks(&facts{}) {
			fmt.Println(a.name, a.role)
		}
		return
	}
	parent := *folder
	if parent == "" {
		var err error
		parent, err = os.MkdirTemp("", "attack-*")
		check(err)
		defer os.RemoveAll(parent)
	}
	ctx := context.Background()
	if *price > 0 {
		comparePrices(ctx, parent, *price, *seed)
		return
	}
	w := openWorld(ctx, parent, "")
	defer w.close()
	var chosen []attack
	for _, a := range attacks(w.facts(ctx)) {
		named := func(part string) bool { return strings.Contains(a.name, part) }
		if *only == "" || slices.ContainsFunc(strings.Split(*only, ","), named) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) == 0 {
		log.Panicf("no attack is called %s; -list prints all names", *only)
	}
	var concurrency []int
	for n := range strings.SplitSeq(*at, ",") {
		i, err := strconv.Atoi(n)
		check(err)
		concurrency = append(concurrency, i)
	}
	run(ctx, w, chosen, concurrency, time.Duration(*seconds*float64(time.Second)))
}

// run measures each attack and prints the table and the verdict.
func run(ctx context.Context, w *world, chosen []attack, concurrency []int, d time.Duration) {
	b := w.watch(ctx)
	defer b.close()
	b.measure(ctx, 5*time.Second) // connections are open and caches are warm afterwards
	fmt.Println("| attack | at a time | what became of it | list p50, ms | p99, ms | p50, × | p99, × | event p99, ms | × | /healthz failed |")
	fmt.Println("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	var failed []string
	for _, a := range chosen {
		without := b.measure(ctx, d)
		for _, n := range concurrency {
			attacking := w.start(ctx, a, n)
			with := b.measure(ctx, d)
			outcomes := attacking.stop()
			row := compare(without, with)
			fmt.Printf("| %s | %d | %s | %s |\n", a.name, n, outcomes, row)
			if bad := row.verdict(); bad != "" {
				failed = append(failed, fmt.Sprintf("%s, %d at a time: %s", a.name, n, bad))
			}
			b.settle(ctx, without)
		}
	}
	fmt.Println()
	if len(failed) > 0 {
		fmt.Printf("%d of %d measurements fail:\n- %s\n", len(failed), len(chosen)*len(concurrency), strings.Join(failed, "\n- "))
		return
	}
	fmt.Printf("All %d measurements pass: p50 is at most twice, p99 at most three times that without the attack (or 50 ms), and /healthz answered 200.\n", len(chosen)*len(concurrency))
}

func check(err error) {
	if err != nil {
		log.Panicf("%v", err)
	}
}
