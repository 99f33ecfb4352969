// Command size measures what lists and reports cost as the data grows. It generates 10,000, 100,000 and 1,000,000
// responses with a realistic distribution, three in ten of them with a case and its events. Each size has a database of
// its own in one private PostgreSQL with the settings of `make run`. Then it queries the built program over HTTP.
//
//	go build -o closeloop . && go run ./bench/size
//
// Run it in the project's folder. README.md beside it has the results.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/bench/year"
	"github.com/closeloop/closeloop/internal/pg/cluster"
)

var (
	sizes  = flag.String("sizes", "10000,100000,1000000", "numbers of responses; the first and the last are compared")
	binary = flag.String("closeloop", "./closeloop", "the program")
	parent = flag.String("folder", "", "folder of the databases; default: a temporary folder that is removed at the end")
	rounds = flag.Int("rounds", 21, "how often each list is queried")
	only   = flag.String("only", "", "run only lists and reports with this text in their names")
	fillIt = flag.Bool("fill", true, "generate the data; false: use the data of an earlier run in the folder")
	parts  = flag.String("parts", "plans,lists,reports", "what to do with the data")
	ago    = flag.Duration("ago", 0, "how long before now the data ends, as a Go duration")
)

// data is the database of one size.
type data struct {
	n      int
	name   string
	url    string
	server *program.Server
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	ctx := context.Background()
	folder := *parent
	if folder == "" {
		var err error
		folder, err = os.MkdirTemp("", "size-*")
		check(err)
		defer os.RemoveAll(folder)
	}
	check(os.MkdirAll(folder, 0o755)) //nolint:gosec // PostgreSQL runs as another user, which must have access
	check(os.Chmod(folder, 0o755))    //nolint:gosec
	c, err := cluster.Start(ctx, cluster.Options{Folder: filepath.Join(folder, "data"), Log: slog.New(slog.DiscardHandler)})
	check(err)
	defer func() { check(c.Stop()) }()

	var all []*data
	for size := range strings.SplitSeq(*sizes, ",") {
		d := new(data)
		_, err := fmt.Sscan(size, &d.n)
		check(err)
		d.name = "size" + size
		d.url = c.URL(d.name)
		all = append(all, d)
	}
	now := time.Now().UTC().Add(-*ago).Truncate(time.Microsecond)
	for _, d := range all {
		if !*fillIt {
			continue
		}
		admin, err := pgx.Connect(ctx, c.URL("postgres"))
		check(err)
		_, err = admin.Exec(ctx, "DROP DATABASE IF EXISTS "+d.name+" WITH (FORCE)")
		check(err)
		_, err = admin.Exec(ctx, "CREATE DATABASE "+d.name)
		check(err)
		check(admin.Close(ctx))
		year.Make(ctx, *binary, d.url, folder, d.n, now, year.Usual)
	}
	for _, d := range all {
		d.server = program.Start(*binary, d.url, unshared)
		defer d.server.Stop()
		verify(ctx, d)
	}
	good := true
	if strings.Contains(*parts, "plans") {
		good = checkPlans(ctx, filepath.Join(folder, "data", "postgres.log"), all)
	}
	if strings.Contains(*parts, "lists") {
		timeLists(ctx, all)
	}
	if strings.Contains(*parts, "reports") {
		timeReports(all)
	}
	if !good {
		log.Panic("a list reads a whole table")
	}
}

func check(err error) {
	if err != nil {
		log.Panicf("%v", err)
	}
}
