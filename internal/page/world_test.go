package page_test

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// thing has a column of each kind, with and without missing values. Each column has few values, so that most rows are
// equal in most orders.
type thing struct {
	ID      uuid.UUID
	Parent  uuid.UUID
	Rank    int
	Grade   *int
	Name    string
	Title   *string
	Price   decimal.Decimal
	Worth   *decimal.Decimal
	Made    time.Time
	Retired *time.Time
}

const table = `CREATE TABLE things (id uuid PRIMARY KEY, parent uuid NOT NULL, rank bigint NOT NULL, grade smallint,
	name text COLLATE "C" NOT NULL, title text COLLATE "C", price numeric NOT NULL, worth numeric(24, 4),
	made timestamptz NOT NULL, retired timestamptz)`

// keys are the columns that a list of things can be sorted by.
var keys = []page.Key[thing]{
	{Name: "RANK", Column: "things.rank", Kind: page.Integer, Of: func(x *thing) any { return x.Rank }},
	{Name: "GRADE", Column: "things.grade", Kind: page.Integer, Nullable: true, Of: func(x *thing) any { return deref(x.Grade) }},
	{Name: "NAME", Column: "things.name", Kind: page.Text, Of: func(x *thing) any { return x.Name }},
	{Name: "TITLE", Column: "things.title", Kind: page.Text, Nullable: true, Of: func(x *thing) any { return deref(x.Title) }},
	{Name: "PRICE", Column: "things.price", Kind: page.Decimal, Of: func(x *thing) any { return x.Price }},
	{Name: "WORTH", Column: "things.worth", Kind: page.Decimal, Nullable: true, Of: func(x *thing) any { return deref(x.Worth) }},
	{Name: "MADE", Column: "things.made", Kind: page.Time, Of: func(x *thing) any { return x.Made }},
	{Name: "RETIRED", Column: "things.retired", Kind: page.Time, Nullable: true, Of: func(x *thing) any { return deref(x.Retired) }},
}

func byID(desc bool) page.Key[thing] {
	return page.Key[thing]{Name: "ID", Column: "things.id", Kind: page.ID, Desc: desc, Of: func(x *thing) any { return x.ID }}
}

// key is the key with the name, in a direction.
func key(name string, desc bool) page.Key[thing] {
	k := keys[slices.IndexFunc(keys, func(k page.Key[thing]) bool { return k.Name == name })]
	k.Desc = desc
	return k
}

func deref[V any](v *V) any {
	if v == nil {
		return nil
	}
	return *v
}

// random logs its seed, so that CLOSELOOP_SEED repeats a failed test.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CLOSELOOP_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("CLOSELOOP_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// things creates a table of n things, below a few parents.
func things(t *testing.T, r *rand.Rand, n int, opts ...pgtest.Option) (*gorm.DB, []*thing) {
	t.Helper()
	db := pgtest.New(t, append(opts, pgtest.Empty())...).Gorm
	if err := db.Exec(table).Error; err != nil {
		t.Fatal(err)
	}
	parents := []uuid.UUID{{1}, {2}, {3}}
	names := []string{"", "a", "A", "b", "é", "Z", "aa", "\x01", `"`, "\u2028", "🦔"}
	prices := []string{"0", "-1.5", "12345678901234567890.1234", "0.0001", "7"}
	base := time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	times := []time.Time{base, base.Add(time.Microsecond), base.Add(-time.Hour), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}
	made := make([]*thing, n)
	for i := range made {
		x := &thing{ID: uuid.New(), Parent: parents[r.IntN(len(parents))], Rank: r.IntN(4) - 1, Name: pick(r, names),
			Price: decimal.RequireFromString(pick(r, prices)), Made: pick(r, times)}
		if r.IntN(3) > 0 {
			grade := r.IntN(3)
			x.Grade = &grade
		}
		if r.IntN(3) > 0 {
			title := pick(r, names)
			x.Title = &title
		}
		if r.IntN(3) > 0 {
			worth := decimal.RequireFromString(pick(r, prices))
			x.Worth = &worth
		}
		if r.IntN(3) > 0 {
			retired := pick(r, times)
			x.Retired = &retired
		}
		made[i] = x
	}
	if n > 0 {
		if err := db.Create(made).Error; err != nil {
			t.Fatal(err)
		}
	}
	return db, made
}

func pick[V any](r *rand.Rand, from []V) V { return from[r.IntN(len(from))] }

// anyOrder is a few keys in random directions, and the id.
func anyOrder(r *rand.Rand) page.Order[thing] {
	var order page.Order[thing]
	for _, i := range r.Perm(len(keys))[:r.IntN(4)] {
		k := keys[i]
		k.Desc = r.IntN(2) == 0
		order = append(order, k)
	}
	return append(order, byID(r.IntN(2) == 0))
}

// inOrder sorts in Go, independently of the code under test. Missing values come last in both directions.
func inOrder(order page.Order[thing], all []*thing) []*thing {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(x, y *thing) int {
		for _, k := range order {
			a, b := k.Of(x), k.Of(y)
			switch {
			case a == nil && b == nil:
				continue
			case a == nil:
				return 1
			case b == nil:
				return -1
			}
			c := compare(a, b)
			if k.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return sorted
}

func compare(a, b any) int {
	switch a := a.(type) {
	case int:
		return cmp.Compare(a, b.(int))
	case string:
		return strings.Compare(a, b.(string))
	case decimal.Decimal:
		return a.Cmp(b.(decimal.Decimal))
	case time.Time:
		return a.Compare(b.(time.Time))
	case uuid.UUID:
		other := b.(uuid.UUID)
		return slices.Compare(a[:], other[:])
	}
	panic("a key of another kind")
}

func ids(list []*thing) []uuid.UUID {
	found := make([]uuid.UUID, len(list))
	for i, x := range list {
		found[i] = x.ID
	}
	return found
}

func names(order page.Order[thing]) string {
	var b strings.Builder
	for _, k := range order {
		b.WriteString(k.Name)
		if k.Desc {
			b.WriteString(" DESC")
		}
		b.WriteString(", ")
	}
	return b.String()
}
