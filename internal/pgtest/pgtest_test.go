package pgtest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestNew(t *testing.T) {
	t.Parallel()
	t.Run("isolates tests from each other", func(t *testing.T) {
		t.Parallel()
		one, two := pgtest.New(t), pgtest.New(t)
		if err := one.Gorm.Exec("CREATE TABLE mine (id int)").Error; err != nil {
			t.Fatal(err)
		}
		if two.Gorm.Migrator().HasTable("mine") {
			t.Error("one test sees the other's table")
		}
		if !two.Gorm.Migrator().HasTable("river_job") {
			t.Error("the database is not migrated")
		}
	})

	t.Run("drops the database despite another connection", func(t *testing.T) {
		t.Parallel()
		var url string
		var stays *pgx.Conn
		t.Run("inner", func(t *testing.T) {
			url = pgtest.URL(t, pgtest.New(t))
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			stays = conn
		})
		defer stays.Close(context.Background())
		if _, err := pg.Connect(t.Context(), url, pg.Options{}); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("after its test: %v", err)
		}
	})

	t.Run("removes what an ended process left", func(t *testing.T) {
		t.Parallel()
		if os.Getenv("CLOSELOOP_TEST_DATABASE_URL") != "" {
			t.Skip("the tests do not own the server")
		}
		folder := child(t, os.Args[0], "TestChildStartsServer", "start", nil)
		if _, err := os.Stat(folder); err != nil {
			t.Fatalf("the folder of the first child: %v", err)
		}
		child(t, os.Args[0], "TestChildStartsServer", "start", nil)
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder of the first child is still there: %v", err)
		}
	})

	t.Run("works without root", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("the tests run without root already")
		}
		program, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		for path := folder; path != os.TempDir(); path = filepath.Dir(path) {
			if err := os.Chmod(path, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		copied := filepath.Join(folder, "test")
		if err := os.WriteFile(copied, program, 0o755); err != nil {
			t.Fatal(err)
		}
		child(t, copied, "TestChildStartsServer", "start", &syscall.Credential{Uid: 65534, Gid: 65534})
	})
}

func TestURL(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	second, err := pg.Connect(t.Context(), pgtest.URL(t, db), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Gorm.Exec("CREATE TABLE messages (word text)").Error; err != nil {
		t.Fatal(err)
	}
	child(t, os.Args[0], "TestChildWrites", pgtest.URL(t, db), nil)
	var word string
	if err := db.Gorm.Raw("SELECT word FROM messages").Scan(&word).Error; err != nil || word != "by the child" {
		t.Errorf("read %q, %v", word, err)
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	var counter pgtest.Counter
	db := pgtest.New(t, pgtest.WithTracer(&counter))
	if counter.Count() != 0 {
		t.Errorf("opening counts: %q", counter.Statements())
	}
	if err := db.Gorm.Exec("CREATE TABLE counted (id int)").Error; err != nil {
		t.Fatal(err)
	}
	counter.Reset()
	var batch pgx.Batch
	batch.Queue("INSERT INTO counted VALUES (1)")
	batch.Queue("INSERT INTO counted VALUES (2)")
	if err := db.Pool.SendBatch(t.Context(), &batch).Close(); err != nil {
		t.Fatal(err)
	}
	rows := pgx.CopyFromRows([][]any{{3}, {4}})
	if _, err := db.Pool.CopyFrom(t.Context(), pgx.Identifier{"counted"}, []string{"id"}, rows); err != nil {
		t.Fatal(err)
	}
	var ids []int
	if err := db.Gorm.Table("counted").Pluck("id", &ids).Error; err != nil {
		t.Fatal(err)
	}
	if counter.Count() != 4 || len(ids) != 4 {
		t.Errorf("%d statements for %v: %q", counter.Count(), ids, counter.Statements())
	}
}
