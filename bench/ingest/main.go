// Command ingest measures how fast a CSV file of responses goes in: by the importer, as `closeloop import` and
// importResponses call it, with rules and without, and, for the limit, by a bare COPY of the same file into a plain
// table of texts, in the same PostgreSQL and the same run.
//
//	go run ./bench/ingest -rows 100000
//
// The PostgreSQL is a private one as the program starts it, durable as ever, in a folder that is removed at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/migrations"
)

var (
	rows       = flag.Int("rows", 100_000, "rows of the file")
	each       = flag.Bool("each", false, "take each row in by a transaction of its own, as submitResponse does")
	statements = flag.Int("statements", 0, "also list so many statements, by the time they took")
	profile    = flag.String("profile", "", "write a CPU profile of the importing to this file")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	folder, err := os.MkdirTemp("", "ingest-*")
	check(err)
	defer os.RemoveAll(folder)
	check(os.Chmod(folder, 0o755)) //nolint:gosec // PostgreSQL runs as another user, who must get in
	file := filepath.Join(folder, "responses.csv")
	size := write(file, *rows)
	fmt.Printf("a file of %d rows, %.1f MB\n", *rows, float64(size)/1e6)
	if *profile != "" {
		out, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(out))
		defer pprof.StopCPUProfile()
	}
	limit := bare(folder, file)
	fmt.Printf("bare COPY into a plain table: %.0f rows/s\n", limit)
	for _, rules := range []bool{true, false} {
		r := take(folder, file, rules)
		fmt.Printf("closeloop, %s: %s; COPY is %.1f times as fast\n", map[bool]string{true: "two rules", false: "no rules"}[rules], r, limit/r.rate)
	}
}

// result is what one import came to.
type result struct {
	report  *importer.Report
	rate    float64 // rows a second
	batches []time.Duration
}

func (r result) String() string {
	slices.Sort(r.batches)
	return fmt.Sprintf("%.0f rows/s, %d cases; %d transactions, the middle one %.1f ms, the longest %.1f ms",
		r.rate, r.report.CasesOpened, len(r.batches), ms(r.batches[len(r.batches)/2]), ms(r.batches[len(r.batches)-1]))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// database starts a PostgreSQL with the program's schema.
func database(folder string, o pg.Options) *pg.DB {
	o.DataDir, o.Command, o.Log = filepath.Join(folder, "data"), "bench", slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := pg.Open(context.Background(), o)
	check(err)
	check(migrations.Apply(context.Background(), db.Pool))
	return db
}

func stop(db *pg.DB, folder string) {
	check(db.Close())
	check(os.RemoveAll(filepath.Join(folder, "data")))
}

// take imports the file into an empty database.
func take(folder, file string, rules bool) (r result) {
	spent := newSpent()
	o := pg.Options{}
	if *statements > 0 {
		o.Tracer = spent
	}
	db := database(folder, o)
	defer stop(db, folder)
	if rules {
		addRules(db)
	}
	quiet := slog.New(slog.DiscardHandler)
	queue, err := job.NewQueue(db.Pool, quiet)
	check(err)
	feed := event.New(db, quiet)
	defer feed.Close()
	in, err := os.Open(file)
	check(err)
	defer in.Close()
	watch := &watch{work: casework.New(db, feed, queue, time.Now)}
	began := time.Now()
	r.report, err = importer.Import(context.Background(), watch, auth.Viewer{}, in, importer.Options{Columns: columns})
	check(err)
	r.rate, r.batches = float64(r.report.Rows)/time.Since(began).Seconds(), watch.took
	if r.report.ResponsesCreated != *rows {
		log.Fatalf("not all went in: %+v", r.report)
	}
	spent.tell(*statements)
	return r
}

// watch notes how long each transaction took.
type watch struct {
	work *casework.Work
	took []time.Duration
}

// SubmitAll implements importer.Submitter.
func (w *watch) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error) {
	if !*each || len(batch) < 2 {
		began := time.Now()
		defer func() { w.took = append(w.took, time.Since(began)) }()
		return intake.New(w.work).SubmitAll(ctx, viewer, batch, o)
	}
	var all []intake.Outcome
	for i := range batch {
		outcomes, err := w.SubmitAll(ctx, viewer, batch[i:i+1], o)
		if err != nil {
			return nil, err
		}
		all = append(all, outcomes...)
	}
	return all, nil
}

// bare copies the file into a plain table, and gives the rows a second.
func bare(folder, file string) float64 {
	db := database(folder, pg.Options{})
	defer stop(db, folder)
	ctx := context.Background()
	_, err := db.Pool.Exec(ctx, plain)
	check(err)
	in, err := os.Open(file)
	check(err)
	defer in.Close()
	conn, err := db.Pool.Acquire(ctx)
	check(err)
	defer conn.Release()
	began := time.Now()
	tag, err := conn.Conn().PgConn().CopyFrom(ctx, in, "COPY plain FROM STDIN WITH (FORMAT csv, HEADER)")
	check(err)
	return float64(tag.RowsAffected()) / time.Since(began).Seconds()
}

func check(err error) {
	if err != nil {
		log.Fatalf("%v", err)
	}
}
