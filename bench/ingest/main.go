// Command ingest measures how fast a CSV file of responses is imported, with rules and without, by the importer that
// `closeloop import` and importResponses use. For comparison, the same run measures a bare COPY of the same file into a
// table of texts without an index, in the same PostgreSQL.
//
//	go run ./bench/ingest -rows 100000
//
// It starts a private PostgreSQL with the program's settings, in a temporary folder that it removes at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
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
	rows       = flag.Int("rows", 100_000, "number of rows in the file")
	each       = flag.Bool("each", false, "import each row in a transaction of its own, as submitResponse does")
	statements = flag.Int("statements", 0, "also list this many statements, the slowest in total first")
	unpaced    = flag.Bool("unpaced", false, "take a thousand rows in each transaction, however long it takes: the processors' time can then be compared on a busy machine")
	profile    = flag.String("profile", "", "write a CPU profile of the imports to this file")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	folder, err := os.MkdirTemp("", "ingest-*")
	check(err)
	defer os.RemoveAll(folder)
	check(os.Chmod(folder, 0o755)) //nolint:gosec // PostgreSQL runs as another user, which must have access
	file := filepath.Join(folder, "responses.csv")
	size := generate(file, *rows)
	fmt.Printf("a file of %d rows, %.1f MB\n", *rows, float64(size)/1e6)
	debug.SetGCPercent(400) // as `closeloop import` does
	if *profile != "" {
		out, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(out))
		defer pprof.StopCPUProfile()
	}
	limit := measureCopy(folder, file)
	fmt.Printf("bare COPY into a plain table: %.0f rows/s\n", limit)
	for _, rules := range []bool{true, false} {
		r := measureImport(folder, file, rules)
		fmt.Printf("closeloop, %s: %s; COPY is %.1f times as fast\n", map[bool]string{true: "two rules", false: "no rules"}[rules], r, limit/r.rate)
	}
}

// result holds the figures of one import.
type result struct {
	report  *importer.Report
	rate    float64         // rows per second
	batches []time.Duration // the time of each transaction
	wal     int64           // bytes that PostgreSQL wrote ahead
	used    processorTime
	memory  []int64 // bytes that Go has from the system, after each transaction
}

func (r result) String() string {
	slices.Sort(r.batches)
	n := float64(r.report.Rows)
	return fmt.Sprintf("%.0f rows/s, %.1f kB of WAL and %.0f + %.0f µs of the processors a row (program + PostgreSQL), %d cases; %d transactions, median %.1f ms, maximum %.1f ms; memory %d MB at most, in the first tenth %d",
		r.rate, float64(r.wal)/1000/n, float64(r.used.program.Microseconds())/n, float64(r.used.postgres.Microseconds())/n,
		r.report.CasesOpened, len(r.batches), ms(r.batches[len(r.batches)/2]), ms(r.batches[len(r.batches)-1]),
		slices.Max(r.memory)/1e6, slices.Max(r.memory[:1+len(r.memory)/10])/1e6)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// database starts a PostgreSQL and creates the program's tables.
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

// measureImport imports the file into an empty database.
func measureImport(folder, file string, rules bool) (r result) {
	times := newStatementTimes()
	o := pg.Options{}
	if *statements > 0 {
		o.Tracer = times
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
	timed := &timedSubmitter{intake: intake.New(casework.New(db, feed, queue, time.Now))}
	wal := func() (at int64) {
		check(db.Pool.QueryRow(context.Background(), "SELECT pg_current_wal_insert_lsn() - '0/0'").Scan(&at))
		return at
	}
	options := importer.Options{}
	if *unpaced {
		still := time.Now()
		options.Now = func() time.Time { return still }
	}
	used := processor(db)
	before, began := wal(), time.Now()
	plan, err := importer.Inspect(in, importer.Reading{Columns: columns})
	check(err)
	r.report, err = importer.Import(context.Background(), timed, auth.Viewer{}, in, plan, options)
	check(err)
	r.memory = timed.memory
	r.rate, r.batches = float64(r.report.Rows)/time.Since(began).Seconds(), timed.took
	r.wal = wal() - before
	r.used = processor(db).since(used)
	if r.report.ResponsesCreated != *rows {
		log.Fatalf("not every row was imported: %+v", r.report)
	}
	times.print(*statements)
	return r
}

// timedSubmitter records how long each transaction takes, and how much memory Go has after it.
type timedSubmitter struct {
	intake *intake.Intake
	took   []time.Duration
	memory []int64
}

// SubmitAll implements importer.Submitter.
func (w *timedSubmitter) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error) {
	if !*each || len(batch) < 2 {
		began := time.Now()
		defer func() { w.took, w.memory = append(w.took, time.Since(began)), append(w.memory, memory()) }()
		return w.intake.SubmitAll(ctx, viewer, batch, o)
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

// memory is what Go has from the system and has not given back.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// measureCopy copies the file into a plain table and returns the rows per second.
func measureCopy(folder, file string) float64 {
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
