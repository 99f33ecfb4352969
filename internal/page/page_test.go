package page_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// assertRefused checks that the error is a caller's error at the argument.
func assertRefused(t *testing.T, err error, argument string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("not a caller's error: %v", err)
	}
	if f.Code != fault.CodeBadUserInput || f.Argument != argument {
		t.Errorf("%s at %q: %s; want BAD_USER_INPUT at %q", f.Code, f.Argument, f.Message, argument)
	}
}

func number(n int) *int             { return &n }
func cursor(s string) *string       { return &s }
func cursorOf(v any) string         { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
func must(b []byte, _ error) []byte { return b }

func TestArgsSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		args     page.Args
		n        int
		backward bool
	}{
		{"nothing", page.Args{}, 20, false},
		{"first", page.Args{First: number(1)}, 1, false},
		{"first, the most", page.Args{First: number(100)}, 100, false},
		{"last", page.Args{Last: number(100)}, 100, true},
		{"after", page.Args{After: cursor("x")}, 20, false},
		{"before alone reads backward", page.Args{Before: cursor("x")}, 20, true},
		{"between two cursors, from the first", page.Args{After: cursor("x"), Before: cursor("y")}, 20, false},
		{"the first before a cursor", page.Args{First: number(5), Before: cursor("x")}, 5, false},
		{"the last after a cursor", page.Args{Last: number(5), After: cursor("x")}, 5, true},
	} {
		n, backward, err := c.args.Size()
		if n != c.n || backward != c.backward || err != nil {
			t.Errorf("%s: %d, backward %t, %v; want %d, %t", c.name, n, backward, err, c.n, c.backward)
		}
	}
	for argument, wrong := range map[string][]page.Args{
		"first": {{First: number(0)}, {First: number(-1)}, {First: number(101)}},
		"last":  {{Last: number(0)}, {Last: number(101)}, {First: number(1), Last: number(1)}},
	} {
		for _, args := range wrong {
			_, _, err := args.Size()
			assertRefused(t, err, argument)
		}
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	t.Run("of another list or order is refused", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t, random(t), 10)
		order := page.Order[thing]{key("GRADE", true), key("MADE", false), byID(true)}
		start := func(o page.Order[thing]) *string {
			c, err := page.Read(db, o, page.Args{First: number(1)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return c.PageInfo.StartCursor
		}
		const uid, at = "0190163d-8694-739b-9f6b-1bdac25e4c4e", "2026-03-01T09:30:00Z"
		for name, wrong := range map[string]string{
			"nothing":             "",
			"no base64":           "!",
			"no JSON":             base64.RawURLEncoding.EncodeToString([]byte("[")),
			"no list":             cursorOf("x"),
			"an empty list":       cursorOf([]string{}),
			"numbers":             cursorOf([]int{1, 2, 3, 4}),
			"null for the order":  cursorOf([]any{nil, "1", at, uid}),
			"the other direction": *start(page.Order[thing]{key("GRADE", false), key("MADE", false), byID(true)}),
			"fewer keys":          *start(page.Order[thing]{key("GRADE", true), byID(true)}),
			"another key":         *start(page.Order[thing]{key("GRADE", true), key("RETIRED", false), byID(true)}),
			"a value too few":     cursorOf([]any{"GRADE- MADE ID- ", "1", at}),
			"a value too many":    cursorOf([]any{"GRADE- MADE ID- ", "1", at, uid, uid}),
			"a missing time":      cursorOf([]any{"GRADE- MADE ID- ", "1", nil, uid}),
			"a missing id":        cursorOf([]any{"GRADE- MADE ID- ", "1", at, nil}),
			"a wrong number":      cursorOf([]any{"GRADE- MADE ID- ", "one", at, uid}),
			"a wrong time":        cursorOf([]any{"GRADE- MADE ID- ", "1", "today", uid}),
			"a wrong id":          cursorOf([]any{"GRADE- MADE ID- ", "1", at, "7"}),
		} {
			t.Run(name, func(t *testing.T) {
				_, err := page.Read(db, order, page.Args{After: &wrong}, nil)
				assertRefused(t, err, "after")
				_, err = page.Read(db, order, page.Args{Before: &wrong}, nil)
				assertRefused(t, err, "before")
				_, err = readEach(db, order, page.Args{Before: &wrong}, []uuid.UUID{{1}})
				assertRefused(t, err, "before")
				_, err = readEach(db, order, page.Args{After: &wrong}, []uuid.UUID{{1}})
				assertRefused(t, err, "after")
			})
		}
		right := cursorOf([]any{"GRADE- MADE ID- ", "1", at, uid})
		if _, err := page.Read(db, order, page.Args{After: &right}, nil); err != nil {
			t.Errorf("a cursor of this list and order: %v", err)
		}
	})

	t.Run("of a real number must be finite", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t, random(t), 10)
		share := page.Key[thing]{Name: "SHARE", Column: "things.rank", Kind: page.Float, Of: func(x *thing) any { return float64(x.Rank) }}
		for value, taken := range map[string]bool{"0.25": true, "1e-05": true, "NaN": false, "Inf": false, "-Infinity": false, "1e999": false} {
			made := cursorOf([]any{"SHARE ID ", value, uuid.Nil.String()})
			_, err := page.Read(db, page.Order[thing]{share, byID(false)}, page.Args{After: &made}, nil)
			var f *fault.Error
			if taken && err != nil || !taken && !errors.As(err, &f) {
				t.Errorf("a cursor with %s: %v", value, err)
			}
		}
	})
}

// Anybody can write a cursor: it must not cause an internal error, and its cost must be that of its few characters. An
// accepted cursor costs one statement, a refused one none, and neither allocates much memory. The test is not parallel,
// because it counts the memory that the whole process allocates.
func TestForgedCursor(t *testing.T) {
	const memoryMax = 10 << 20 // bytes; a page allocates 40 KB, a billion digits would take a hundred times this limit
	sent := new(pgtest.Counter)
	db, _ := things(t, random(t), 10, pgtest.WithTracer(sent))
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	for _, c := range []struct {
		key   string
		value string
		taken bool
	}{
		{"GRADE", "9223372036854775807", true}, // a smallint has no room for it
		{"GRADE", "-9223372036854775808", true},
		{"GRADE", "9223372036854775808", false},
		{"WORTH", "1e999999999", false}, // a billion digits
		{"WORTH", "-1E-999999999", false},
		{"WORTH", strings.Repeat("9", 1000), false},
		{"WORTH", "NaN", false},
		{"WORTH", "12345678901234567890.1234", true},
		{"TITLE", "a\x00b", false},
		{"TITLE", "'; DROP TABLE things; --", true},
		{"TITLE", "?", true},
		{"RETIRED", "9999-12-31T23:59:59.999999999Z", true},
		{"RETIRED", "0000-01-01T00:00:00Z", true},
	} {
		made := cursorOf([]any{c.key + " ID ", c.value, uuid.Nil.String()})
		for _, args := range []page.Args{{After: &made}, {Before: &made}} {
			sent.Reset()
			before := allocated()
			_, err := page.Read(db, page.Order[thing]{key(c.key, false), byID(false)}, args, nil)
			if bytes := allocated() - before; bytes > memoryMax {
				t.Errorf("%s %.40q: %d bytes were allocated; want at most %d", c.key, c.value, bytes, memoryMax)
			}
			statements := 0
			if c.taken {
				statements = 1
			}
			if n := sent.Count(); n != statements {
				t.Errorf("%s %.40q: %d statements; want %d", c.key, c.value, n, statements)
			}
			var f *fault.Error
			switch {
			case c.taken && err != nil:
				t.Errorf("%s %.40q: %v", c.key, c.value, err)
			case !c.taken && !errors.As(err, &f):
				t.Errorf("%s %.40q: %v; want BAD_USER_INPUT", c.key, c.value, err)
			}
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	t.Run("gives the rows between two cursors", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 30)
		order := page.Order[thing]{key("TITLE", true), key("RANK", false), byID(false)}
		all := ids(inOrder(order, made))
		whole, err := page.Read(db, order, page.Args{First: number(100)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		at := func(i int) *string { return &whole.Edges[i].Cursor }
		for _, c := range []struct {
			name           string
			args           page.Args
			from, to       int
			next, previous bool
		}{
			{"the first of them", page.Args{First: number(5), After: at(9), Before: at(20)}, 10, 15, true, true},
			{"the last of them", page.Args{Last: number(5), After: at(9), Before: at(20)}, 15, 20, true, true},
			{"all of them", page.Args{First: number(50), After: at(9), Before: at(20)}, 10, 20, false, true},
			{"all of them from the end", page.Args{Last: number(50), After: at(9), Before: at(20)}, 10, 20, true, false},
			{"none of them", page.Args{First: number(5), After: at(9), Before: at(10)}, 10, 10, false, true},
			{"the first before", page.Args{First: number(5), Before: at(20)}, 0, 5, true, false},
			{"the last after", page.Args{Last: number(5), After: at(9)}, 25, 30, false, true},
		} {
			one, err := page.Read(db, order, c.args, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(one.Nodes()); !slices.Equal(got, all[c.from:c.to]) {
				t.Errorf("%s: %v; want %v", c.name, got, all[c.from:c.to])
			}
			checkInfo(t, one, c.next, c.previous)
		}
	})

	t.Run("gives an empty page of an empty list", func(t *testing.T) {
		t.Parallel()
		db, _ := things(t, random(t), 0)
		order := page.Order[thing]{byID(false)}
		c, err := page.Read(db, order, page.Args{}, nil)
		if err != nil || c.Edges == nil || len(c.Nodes()) != 0 {
			t.Fatalf("%v, %v", c, err)
		}
		checkInfo(t, c, false, false)
		for _, parents := range [][]uuid.UUID{{{7}}, {{7}, {8}}} {
			lists, err := readEach(db, order, page.Args{Last: number(3)}, parents)
			if err != nil || lists[uuid.UUID{7}] == nil || lists[uuid.UUID{7}].Edges == nil {
				t.Fatalf("%v, %v", lists, err)
			}
			checkInfo(t, lists[uuid.UUID{7}], false, false)
			if n, err := lists[uuid.UUID{7}].TotalCount(t.Context()); n != 0 || err != nil {
				t.Errorf("the parent's own count is %d: %v", n, err)
			}
		}
	})

	t.Run("applies the conditions of its query", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 40)
		var some []*thing
		for _, x := range made {
			if x.Rank == 1 || x.Grade == nil {
				some = append(some, x)
			}
		}
		order := page.Order[thing]{key("WORTH", true), byID(true)}
		query := db.Where("rank = 1 OR grade IS NULL")
		shaped := 0
		list := func(args page.Args) (*page.Connection[thing], error) {
			return page.Read(query, order, args, func(rows *gorm.DB) *gorm.DB { shaped++; return rows })
		}
		forward(t, r, list, ids(inOrder(order, some)))
		backward(t, r, list, ids(inOrder(order, some)))
		shaped = 0
		c, err := list(page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.TotalCount(t.Context()); n != len(some) || err != nil || shaped != 1 {
			t.Errorf("total %d, want %d; shape called %d times, want 1: %v", n, len(some), shaped, err)
		}
		rest, err := list(page.Args{After: c.PageInfo.StartCursor})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := rest.TotalCount(t.Context()); n != len(some) || err != nil {
			t.Errorf("total %d after a cursor: %v; want %d, that of the whole list", n, err, len(some))
		}
	})
}
