package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

// happen makes n events of the case, and returns the cursor of each.
func happen(s *setup.Server, opened string, n int) (cursors []string) {
	s.T.Helper()
	for range n {
		cursors = append(cursors, s.OK(model.Agent, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {event {cursor}}}`,
			vars{"input": vars{"caseId": opened, "improvement": "Answer the phone."}}).Text("recordReply.event.cursor"))
	}
	return cursors
}

// continues checks that a client with the cursor gets every event of the list from the nth on, without a gap.
func continues(s *setup.Server, cursor string, nth int) {
	s.T.Helper()
	all := s.Events()
	c := s.Watch(model.Admin, `(after: "`+cursor+`")`, "id snapshot {caseId version}")
	var came []string
	for range all[nth:] {
		came = append(came, c.Next().Text("id"))
	}
	if !slices.Equal(came, setup.IDs(all[nth:])) || len(came) == 0 {
		s.T.Errorf("after event %d come %v; the log has %v", nth, came, setup.IDs(all[nth:]))
	}
	c.Cut()
}

// reset checks that a client with the cursor gets FEED_RESET.
func reset(s *setup.Server, cursor string) {
	s.T.Helper()
	if code := s.Watch(model.Admin, `(after: "`+cursor+`")`, "id").Refused(); code != "FEED_RESET" {
		s.T.Errorf("a cursor past the end of what was moved: %s", code)
	}
	if a := s.Do(model.Admin, `query ($after: String) {caseEvents(after: $after) {nodes {id}}}`, vars{"after": cursor}); a.Code() != "FEED_RESET" {
		s.T.Errorf("in a list, a cursor past the end of what was moved: %s", a.Body)
	}
}

func TestMovedDatabase(t *testing.T) {
	t.Parallel()
	t.Run("a restored dump continues for cursors in it and resets later ones", func(t *testing.T) {
		t.Parallel()
		folder := scratch.Folder(t)
		old := setup.NewCluster(t, filepath.Join(folder, "old"))
		old.Tool("pg_restore")
		s := old.Serve(t)
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		in := happen(s, opened, 5)
		dump := filepath.Join(old.Folder, "dump")
		old.Run("pg_dump", "-Fc", "-f", dump, cluster.Database)
		past := happen(s, opened, 3)
		continues(s, in[2], 4)

		fresh := setup.NewCluster(t, filepath.Join(folder, "new"))
		text, err := os.ReadFile(dump)
		if err != nil {
			t.Fatal(err)
		}
		moved := filepath.Join(fresh.Folder, "dump")
		if err := os.WriteFile(moved, text, 0o644); err != nil {
			t.Fatal(err)
		}
		fresh.Run("pg_restore", "--exit-on-error", "-d", cluster.Database, moved)
		there := fresh.Serve(t)
		happen(there, opened, 4) // these take the positions of the events that the dump lacks
		continues(there, in[2], 4)
		continues(there, in[4], 6)
		for _, cursor := range past {
			reset(there, cursor)
		}
	})

	t.Run("a promoted standby continues for cursors in it and resets later ones", func(t *testing.T) {
		t.Parallel()
		folder := scratch.Folder(t)
		primary := setup.NewCluster(t, filepath.Join(folder, "primary"))
		s := primary.Serve(t)
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		in := happen(s, opened, 3)
		if err := cluster.Folder(filepath.Join(folder, "standby")); err != nil {
			t.Fatal(err)
		}
		primary.Run("pg_basebackup", "-D", filepath.Join(folder, "standby", "postgres"), "-R", "-X", "stream", "-c", "fast")
		standby := setup.NewCluster(t, filepath.Join(folder, "standby"))
		here, there := primary.Open(2), standby.Open(2)
		in = append(in, happen(s, opened, 2)...) // replicated over the stream
		var written string
		ask(t, here, &written, "SELECT pg_current_wal_flush_lsn()::text")
		until(t, there, "the standby has what the primary has", "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)", written)
		// The connection between the two breaks, and nobody has noticed yet.
		execute(t, there, "ALTER SYSTEM SET primary_conninfo = ''")
		execute(t, there, "SELECT pg_reload_conf()")
		until(t, there, "the stream has ended", "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
		past := happen(s, opened, 3)
		continues(s, in[4], 6)
		primary.Server.Kill()
		here.Close()
		primary.Stop()

		execute(t, there, "SELECT pg_promote()")
		until(t, there, "the standby is promoted", "SELECT NOT pg_is_in_recovery()")
		promoted := standby.Serve(t)
		happen(promoted, opened, 4)
		continues(promoted, in[1], 3)
		continues(promoted, in[4], 6)
		for _, cursor := range past {
			reset(promoted, cursor)
		}
	})

	t.Run("a forked copy of a folder resets cursors of the other copy", func(t *testing.T) {
		t.Parallel()
		folder := scratch.Folder(t)
		one, other := "CLOSELOOP_DATA_DIR="+filepath.Join(folder, "one"), "CLOSELOOP_DATA_DIR="+filepath.Join(folder, "other")
		s, p := setup.Serve(t, one)
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		in := happen(s, opened, 5)
		p.Interrupt()
		if code := p.Exit(); code != 0 {
			t.Fatalf("the server stops with %d", code)
		}
		if out, err := exec.Command("cp", "-a", filepath.Join(folder, "one"), filepath.Join(folder, "other")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		s, _ = setup.Serve(t, one)
		past := happen(s, opened, 3)

		forked := func(after string) {
			t.Helper()
			fork := setup.StartProgram(t, []string{other}, "feed", "fork")
			if code := fork.Exit(); code != 0 || !strings.Contains(fork.Output(), "after event "+after+".") {
				t.Fatalf("feed fork ends with %d and says:\n%s", code, fork.Output())
			}
		}
		forked("6") // while no server runs
		copied, _ := setup.Serve(t, other)
		own := happen(copied, opened, 4)
		continues(copied, in[2], 4)
		continues(copied, in[4], 6)
		for _, cursor := range past {
			reset(copied, cursor)
		}
		live := copied.Watch(model.Admin, `(after: "`+own[3]+`")`, "snapshot {version}")
		forked("10") // while a server runs
		happen(copied, opened, 2)
		for version := 11; version <= 12; version++ {
			if e := live.Next(); e.Number("snapshot.version") != version {
				t.Errorf("who watches through a fork gets version %d, not %d", e.Number("snapshot.version"), version)
			}
		}
		continues(copied, own[1], 8)
		continues(s, past[0], 7) // the original is not affected
	})
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

// until polls PostgreSQL for a condition that it does not announce.
func until(t *testing.T, db *pg.DB, what, sql string, args ...any) {
	t.Helper()
	for end := time.Now().Add(setup.Patience); ; {
		var is bool
		if ask(t, db, &is, sql, args...); is {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
