package read_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
)

// PostgreSQL keeps one plan of a frequent statement for all values, unless the list says that it plans for its values. Half
// of the cases are of one country and ten of another. A list that keeps its plan must read about as little with it as with a
// plan for the values, and a list that does not must read much less without it for at least one of its values.
func TestPlansForValues(t *testing.T) {
	t.Parallel()
	last := new(lastQuery)
	w := newWorld(t, pgtest.WithTracer(last))
	for sql := range strings.SplitSeq(crowd, ";") {
		w.exec(sql)
	}
	w.exec(`UPDATE cases SET country = CASE WHEN number % 2 = 0 THEN 'DE' WHEN number % 600 = 1 THEN 'NZ' ELSE country END`)
	w.exec("VACUUM ANALYZE")
	for name, c := range map[string]struct {
		filters []string
		order   []*read.CaseOrder
		planned bool
	}{
		"all cases":   {[]string{`{}`}, nil, false},
		"by a status": {[]string{`{"status": ["OPEN"]}`, `{"status": ["CLOSED"]}`}, nil, false},
		"by country and score": {[]string{`{"customer": {"country": {"eq": "DE"}}, "response": {"score": {"gte": 0, "lte": 8}}}`,
			`{"customer": {"country": {"eq": "NZ"}}, "response": {"score": {"gte": 2, "lte": 3}}}`}, nil, true},
		"by a time": {[]string{`{"openedAt": {"gte": "2020-01-01T00:00:00Z", "lt": "2030-01-01T00:00:00Z"}}`,
			`{"openedAt": {"gte": "2025-01-02T00:00:00Z", "lt": "2025-01-02T01:00:00Z"}}`}, nil, true},
	} {
		worst := 0.0
		for _, text := range c.filters {
			list := read.CaseList{Args: page.Args{First: number(50)}, OrderBy: c.order, Filter: caseFilter(t, text)}
			first, err := w.read.Cases(t.Context(), viewer(w.ann), list)
			w.must(err)
			if text != `{}` && len(first.Edges) == 0 {
				t.Fatalf("%s finds nothing", text)
			}
			last.mu.Lock()
			sql, args := last.sql, slices.Clone(last.args)
			last.mu.Unlock()
			if planned := slices.Contains(args, any(pgx.QueryExecModeCacheDescribe)); planned != c.planned {
				t.Errorf("%s: planned for its values: %t", name, planned)
			}
			args = slices.DeleteFunc(args, func(a any) bool {
				_, isFormat := a.(pgx.QueryResultFormatsByOID)
				_, isMode := a.(pgx.QueryExecMode)
				return isFormat || isMode
			})
			kept, own := w.blocks("force_generic_plan", sql, args), w.blocks("force_custom_plan", sql, args)
			t.Logf("%s: %d blocks with the plan for all values, %d with a plan for its own", text, kept, own)
			worst = max(worst, float64(kept)/float64(max(1, own)))
		}
		if c.planned && worst < 2 || !c.planned && worst > 1.5 {
			t.Errorf("%s: with the plan for all values it reads up to %.1f times the blocks", name, worst)
		}
	}
}

// blocks is how many blocks a statement touches with a kind of plan.
func (w *world) blocks(mode, sql string, args []any) int {
	w.t.Helper()
	ctx := context.Background()
	raw, err := pgx.ConnectConfig(ctx, w.db.Pool.Config().ConnConfig)
	w.must(err)
	defer raw.Close(ctx)
	_, err = raw.Exec(ctx, "SET plan_cache_mode = "+mode, pgx.QueryExecModeSimpleProtocol)
	w.must(err)
	_, err = raw.PgConn().Prepare(ctx, "listed", sql, nil)
	w.must(err)
	marks := make([]string, len(args))
	for i := range args {
		marks[i] = fmt.Sprint("$", i+1)
	}
	execute := "EXECUTE listed"
	if len(args) > 0 {
		execute += "(" + strings.Join(marks, ", ") + ")"
	}
	var text string
	options := append([]any{pgx.QueryExecModeSimpleProtocol}, args...)
	w.must(raw.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+execute, options...).Scan(&text))
	var explained []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	w.must(json.Unmarshal([]byte(text), &explained))
	return explained[0].Plan.Hit + explained[0].Plan.Read
}
