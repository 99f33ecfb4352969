package pg_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestArray(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	t.Run("keeps every text as it is", func(t *testing.T) {
		t.Parallel()
		texts := []string{"", "a,b", `"quoted"`, `\`, "{}", "NULL", "né\n"}
		var found []string
		if err := db.Gorm.Raw("SELECT x FROM unnest(CAST(? AS text[])) WITH ORDINALITY AS u(x, nth) ORDER BY nth", pg.Array(texts)).Scan(&found).Error; err != nil {
			t.Fatal(err)
		}
		if strings.Join(found, "|") != strings.Join(texts, "|") {
			t.Errorf("the texts came back as %q, not %q", found, texts)
		}
	})
	t.Run("is one parameter whatever its length", func(t *testing.T) {
		t.Parallel()
		for _, numbers := range [][]int64{{}, {7}, {1, 7, 9}} {
			var n int
			if err := db.Gorm.Raw("SELECT count(*) FROM generate_series(1, 8) AS g WHERE g = ANY(CAST(? AS bigint[])) AND g < ?", pg.Array(numbers), 8).Scan(&n).Error; err != nil {
				t.Fatal(err)
			}
			if want := min(len(numbers), 2); n != want {
				t.Errorf("%v matches %d rows, not %d", numbers, n, want)
			}
		}
	})
}

func TestEscapeLike(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	for _, text := range []string{"", "plain", "100%", "a_b", `back\slash`, `\%`, `__%%\\`} {
		for _, other := range []string{"", "plain", "plainer", "100%", "1000", "a_b", "axb", `back\slash`, "backslash", `\%`, "%", `__%%\\`} {
			var matches bool
			if err := db.Gorm.Raw("SELECT CAST(? AS text) LIKE ?", other, pg.EscapeLike(text)).Scan(&matches).Error; err != nil {
				t.Fatal(err)
			}
			if matches != (text == other) {
				t.Errorf("the pattern of %q matches %q: %t", text, other, matches)
			}
		}
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	zone := time.FixedZone("", 2*60*60)
	for _, at := range []time.Time{
		time.Date(2026, 3, 2, 9, 30, 0, 123_456_789, zone), time.Date(2026, 3, 2, 9, 30, 0, 999_999_999, time.UTC),
		time.Date(2026, 3, 2, 9, 30, 0, 1, time.UTC),
	} {
		cut := pg.Timestamp(at)
		if cut.Location() != time.UTC || cut.After(at) || at.Sub(cut) >= time.Microsecond {
			t.Errorf("%s is cut to %s", at, cut)
		}
		var read time.Time
		if err := db.Gorm.Raw("SELECT CAST(? AS timestamptz)", cut).Scan(&read).Error; err != nil {
			t.Fatal(err)
		}
		if !read.Equal(cut) {
			t.Errorf("%s is read back as %s", cut, read)
		}
	}
}
