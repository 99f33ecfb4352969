package filter

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

// rounds is the number of random filters of each kind, and their source. CLOSELOOP_LONG=1 makes it a long run, of
// 100,000 filters in all; CLOSELOOP_FILTERS sets the number of each kind. Each filter is compared on 40 to 80 rows.
// CLOSELOOP_SEED repeats an earlier run.
func rounds(t *testing.T) (int, *rand.Rand) {
	t.Helper()
	n, seed := 100, uint64(time.Now().UnixNano())
	if os.Getenv("CLOSELOOP_LONG") == "1" {
		n = 33_334
	}
	for name, into := range map[string]func(uint64){
		"CLOSELOOP_FILTERS": func(v uint64) { n = int(v) }, "CLOSELOOP_SEED": func(v uint64) { seed = v },
	} {
		if text := os.Getenv(name); text != "" {
			v, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			into(v)
		}
	}
	t.Logf("CLOSELOOP_SEED=%d", seed)
	return n, rand.New(rand.NewPCG(seed, 0))
}

// kind is one of the three filters of the API, with the rows that it filters.
type kind struct {
	entity *entity
	rows   int
	id     func(int) uuid.UUID
	// where parses the filter and returns its condition; match evaluates it on a row.
	where func(v any, viewer model.UserID, now time.Time) (clause.Expression, tree, error)
	match func(f tree, row int, viewer model.UserID, now time.Time) bool
}

func (made *rows) kinds() []kind {
	at := func(s *Subject, now time.Time) *Subject { s.Now = now; return s }
	return []kind{
		{
			customerEntity, len(made.customers), func(i int) uuid.UUID { return made.customers[i].ID.UUID },
			func(v any, _ model.UserID, now time.Time) (clause.Expression, tree, error) {
				f := new(Customer)
				err := f.UnmarshalGQL(v)
				return f.Where(now), f.tree, err
			},
			func(f tree, row int, _ model.UserID, now time.Time) bool {
				return (&Customer{f}).Match(&Subject{Customer: &made.customers[row], Now: now})
			},
		},
		{
			responseEntity, len(made.responses), func(i int) uuid.UUID { return made.responses[i].Response.ID.UUID },
			func(v any, _ model.UserID, now time.Time) (clause.Expression, tree, error) {
				f := new(Response)
				err := f.UnmarshalGQL(v)
				return f.Where(now), f.tree, err
			},
			func(f tree, row int, _ model.UserID, now time.Time) bool {
				return (&Response{f}).Match(at(made.responses[row], now))
			},
		},
		{
			caseEntity, len(made.cases), func(i int) uuid.UUID { return made.cases[i].Case.ID.UUID },
			func(v any, viewer model.UserID, now time.Time) (clause.Expression, tree, error) {
				f := new(Case)
				err := f.UnmarshalGQL(v)
				return f.Where(viewer, now), f.tree, err
			},
			func(f tree, row int, viewer model.UserID, now time.Time) bool {
				return (&Case{f}).Match(at(made.cases[row], now), viewer)
			},
		},
	}
}

// compare evaluates the filter in PostgreSQL and in Go, and returns how many rows match. A disagreement fails the test.
func (made *rows) compare(t *testing.T, k kind, v any, viewer model.UserID, now time.Time) (matched int) {
	t.Helper()
	condition, f, err := k.where(v, viewer, now)
	if err != nil {
		t.Fatalf("%s %s was refused: %v", k.entity.name, show(v), err)
	}
	var ids []uuid.UUID
	db := made.byTable
	if made.queries++; made.queries%2 == 0 {
		db = made.byIndex
	}
	if err := db.Table(k.entity.table).Where(condition).Pluck("id", &ids).Error; err != nil {
		t.Fatalf("%s %s: PostgreSQL refused %s: %v", k.entity.name, show(v), condition.(clause.Expr).SQL, err)
	}
	listed := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		listed[id] = true
	}
	for row := range k.rows {
		id := k.id(row)
		matches := k.match(f, row, viewer, now)
		if matches != listed[id] {
			t.Errorf("%s %s\nat %s on row %s: %t in Go, %t in PostgreSQL\n%s", k.entity.name, show(v), now.Format(time.RFC3339Nano), id,
				matches, listed[id], condition.(clause.Expr).SQL)
		}
		if matches {
			matched++
		}
	}
	return matched
}

func TestMatchAgreesWithSQL(t *testing.T) {
	t.Parallel()
	t.Run("on random filters", func(t *testing.T) {
		t.Parallel()
		n, r := rounds(t)
		pairs, matched := map[string]int{}, map[string]int{}
		for tried := 0; tried < n; tried += rowsFor {
			made := newRows(t, r)
			m := &generator{Rand: r, t: t, ids: made.ids, corpus: made.corpus}
			for _, k := range made.kinds() {
				for range min(rowsFor, n-tried) {
					// Half of the moments are finer than PostgreSQL's microseconds, as the server's clock is.
					now := moment.Add(time.Duration(r.IntN(2) * r.IntN(1000)))
					matched[k.entity.name] += made.compare(t, k, m.object(k.entity, 4), made.users[r.IntN(len(made.users))], now)
					if pairs[k.entity.name] += k.rows; t.Failed() {
						return
					}
				}
			}
		}
		for name := range pairs {
			t.Logf("%s: %d pairs, %d matched", name, pairs[name], matched[name])
			if matched[name] < pairs[name]/10 || matched[name] > pairs[name]*9/10 {
				t.Errorf("%s: %[2]d of %[3]d pairs match; with so few or so many the comparison would miss mistakes", name, matched[name], pairs[name])
			}
		}
	})

	// Random filters would seldom reveal a disagreement in a rare operator.
	t.Run("on each operator alone", func(t *testing.T) {
		t.Parallel()
		_, r := rounds(t)
		made := newRows(t, r)
		m := &generator{Rand: r, t: t, ids: made.ids, corpus: made.corpus}
		for _, k := range made.kinds() {
			for _, path := range leaves(m, k.entity, nil) {
				some, none := false, false
				for try := 0; try < 8 || (!some || !none) && try < 800; try++ {
					v := path.filter(m)
					matched := made.compare(t, k, v, made.users[0], moment)
					some, none = some || matched > 0, none || matched < k.rows
					if matched+made.compare(t, k, map[string]any{"not": v}, made.users[0], moment) != k.rows {
						t.Errorf("%s: not %s is not the opposite", k.entity.name, show(v))
					}
				}
				if !some || !none {
					t.Errorf("%s.%s matched some rows: %t, left out some rows: %t; want both", k.entity.name, path, some, none)
				}
			}
		}
	})
}

const rowsFor = 500 // filters of each kind before new rows are made

// operatorPath is the path to one operator of one field.
type operatorPath struct {
	names []string
	op    string
	of    fieldType
}

func (p operatorPath) String() string {
	return strings.Trim(strings.Join(append(slices.Clone(p.names), p.op), "."), ".")
}

// filter makes a filter of this operator alone.
func (p operatorPath) filter(m *generator) any {
	v := m.value(p.of, p.op)
	if p.op != "" {
		v = m.wrap(p.of, map[string]any{p.op: v})
	}
	for _, name := range slices.Backward(p.names) {
		v = map[string]any{name: v}
	}
	return v
}

func leaves(m *generator, n *entity, before []string) []operatorPath {
	var found []operatorPath
	for _, name := range comparableFields(n) {
		names := append(slices.Clone(before), name)
		f := n.fields[name].fieldType
		if inner, ok := f.(nested); ok {
			found = append(found, leaves(m, inner.of, names)...)
			continue
		}
		ops, ok := m.operators(f)
		if !ok {
			ops = []string{""}
		}
		for _, op := range ops {
			found = append(found, operatorPath{names, op, f})
		}
	}
	return found
}

// comparableFields are the fields that both PostgreSQL and Go can evaluate.
func comparableFields(n *entity) []string {
	var names []string
	for _, name := range sorted(n.fields) {
		switch n.fields[name].fieldType.(type) {
		case customerSearch, responseSearch: // only PostgreSQL can evaluate a search
		default:
			names = append(names, name)
		}
	}
	return names
}
