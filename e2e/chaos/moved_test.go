package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

// tool finds one of PostgreSQL's programs beside the server's own; the test is skipped where it is not there.
func (c *ownCluster) tool(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.folder, "postgres", "postmaster.opts")) // the server's path, and its arguments
	if err != nil {
		c.t.Fatal(err)
	}
	server, _, _ := strings.Cut(string(text), " ")
	path := filepath.Join(filepath.Dir(server), name)
	if _, err := os.Stat(path); err != nil {
		c.t.Skipf("%s is not installed beside PostgreSQL's server: %v", name, err)
	}
	return path
}

// run runs one of PostgreSQL's programs on the cluster, as the user that its data belongs to.
func (c *ownCluster) run(name string, args ...string) {
	c.t.Helper()
	cmd := exec.Command(c.tool(name), append([]string{"-h", c.running.Socket(), "-U", cluster.Role}, args...)...)
	cmd.Dir = c.folder
	info, err := os.Stat(filepath.Join(c.folder, "postgres"))
	if err != nil {
		c.t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// happen has n events happen to the case, and gives the cursors behind each of them.
func (s *testServer) happen(opened string, n int) (cursors []string) {
	s.t.Helper()
	for range n {
		cursors = append(cursors, s.ok(model.Agent, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {event {cursor}}}`,
			vars{"input": vars{"caseId": opened, "improvement": "Answer the phone."}}).text("recordReply.event.cursor"))
	}
	return cursors
}

// continues tells that a client with the cursor gets all that the list has from the nth event on, without gap.
func (s *testServer) continues(cursor string, nth int) {
	s.t.Helper()
	all := s.feed()
	c := s.watch(model.Admin, `(after: "`+cursor+`")`, "id snapshot {caseId version}")
	var came []string
	for range all[nth:] {
		came = append(came, c.next().text("id"))
	}
	if !slices.Equal(came, ids(all[nth:])) || len(came) == 0 {
		s.t.Errorf("after event %d come %v; the log has %v", nth, came, ids(all[nth:]))
	}
	c.cut()
}

// reset tells that a client with the cursor is told that its place is lost.
func (s *testServer) reset(cursor string) {
	s.t.Helper()
	if code := s.watch(model.Admin, `(after: "`+cursor+`")`, "id").refused(); code != "FEED_RESET" {
		s.t.Errorf("a cursor past the end of what was moved: %s", code)
	}
	if a := s.gql(model.Admin, `query ($after: String) {caseEvents(after: $after) {nodes {id}}}`, vars{"after": cursor}); a.code() != "FEED_RESET" {
		s.t.Errorf("in a list, a cursor past the end of what was moved: %s", a.body)
	}
}

func TestARestoredDumpGoesOnForWhoIsInItAndResetsWhoIsPastIt(t *testing.T) {
	t.Parallel()
	folder := scratch.Folder(t)
	old := newCluster(t, filepath.Join(folder, "old"))
	old.tool("pg_restore")
	s := old.serve(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	in := s.happen(opened, 5)
	dump := filepath.Join(old.folder, "dump")
	old.run("pg_dump", "-Fc", "-f", dump, cluster.Database)
	past := s.happen(opened, 3)
	s.continues(in[2], 4)

	fresh := newCluster(t, filepath.Join(folder, "new"))
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(fresh.folder, "dump")
	if err := os.WriteFile(moved, text, 0o644); err != nil {
		t.Fatal(err)
	}
	fresh.run("pg_restore", "--exit-on-error", "-d", cluster.Database, moved)
	there := fresh.serve(t)
	there.happen(opened, 4) // stand where those that the dump has not stood
	there.continues(in[2], 4)
	there.continues(in[4], 6)
	for _, cursor := range past {
		there.reset(cursor)
	}
}

func TestAPromotedStandbyGoesOnForWhoIsInItAndResetsWhoSawWhatItNeverGot(t *testing.T) {
	t.Parallel()
	folder := scratch.Folder(t)
	primary := newCluster(t, filepath.Join(folder, "primary"))
	s := primary.serve(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	in := s.happen(opened, 3)
	if err := cluster.Folder(filepath.Join(folder, "standby")); err != nil {
		t.Fatal(err)
	}
	primary.run("pg_basebackup", "-D", filepath.Join(folder, "standby", "postgres"), "-R", "-X", "stream", "-c", "fast")
	standby := newCluster(t, filepath.Join(folder, "standby"))
	here, there := primary.open(2), standby.open(2)
	in = append(in, s.happen(opened, 2)...) // these come over the stream
	var written string
	ask(t, here, &written, "SELECT pg_current_wal_flush_lsn()::text")
	until(t, there, "the standby has what the primary has", "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)", written)
	// The line between them breaks, and nobody has noticed yet.
	execute(t, there, "ALTER SYSTEM SET primary_conninfo = ''")
	execute(t, there, "SELECT pg_reload_conf()")
	until(t, there, "the stream has ended", "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
	past := s.happen(opened, 3)
	s.continues(in[4], 6)
	primary.server.kill()
	here.Close()
	primary.stop()

	execute(t, there, "SELECT pg_promote()")
	until(t, there, "the standby is promoted", "SELECT NOT pg_is_in_recovery()")
	promoted := standby.serve(t)
	promoted.happen(opened, 4)
	promoted.continues(in[1], 3)
	promoted.continues(in[4], 6)
	for _, cursor := range past {
		promoted.reset(cursor)
	}
}

func TestACopiedFolderThatWasForkedResetsWhoSawWhatTheOtherCopyShowed(t *testing.T) {
	t.Parallel()
	folder := scratch.Folder(t)
	one, other := "CLOSELOOP_DATA_DIR="+filepath.Join(folder, "one"), "CLOSELOOP_DATA_DIR="+filepath.Join(folder, "other")
	s, p := serve(t, one)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	in := s.happen(opened, 5)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil || p.exit() != 0 {
		t.Fatalf("the server stops with %d (%v)", p.exit(), err)
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(folder, "one"), filepath.Join(folder, "other")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s, _ = serve(t, one)
	past := s.happen(opened, 3)

	forked := func(after string) {
		t.Helper()
		fork := start(t, []string{other}, "feed", "fork")
		if code := fork.exit(); code != 0 || !strings.Contains(fork.output(), "after event "+after+".") {
			t.Fatalf("feed fork ends with %d and says:\n%s", code, fork.output())
		}
	}
	forked("6") // the server is not running
	copied, _ := serve(t, other)
	own := copied.happen(opened, 4)
	copied.continues(in[2], 4)
	copied.continues(in[4], 6)
	for _, cursor := range past {
		copied.reset(cursor)
	}
	live := copied.watch(model.Admin, `(after: "`+own[3]+`")`, "snapshot {version}")
	forked("10") // it runs
	copied.happen(opened, 2)
	for version := 11; version <= 12; version++ {
		if e := live.next(); e.number("snapshot.version") != version {
			t.Errorf("who watches through a fork gets version %d, not %d", e.number("snapshot.version"), version)
		}
	}
	copied.continues(own[1], 8)
	s.continues(past[0], 7) // the original knows nothing of it
}

func ask(t *testing.T, db *pg.DB, into any, sql string, args ...any) {
	t.Helper()
	if err := db.Pool.QueryRow(t.Context(), sql, args...).Scan(into); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func execute(t *testing.T, db *pg.DB, sql string) {
	t.Helper()
	if _, err := db.Pool.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// until waits for what PostgreSQL knows but does not tell.
func until(t *testing.T, db *pg.DB, what, sql string, args ...any) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		var is bool
		if ask(t, db, &is, sql, args...); is {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
