package read_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func TestPassives(t *testing.T) {
	t.Parallel()
	t.Run("lists, filters and counts the queue", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for sql := range strings.SplitSeq(crowd, ";") {
			w.exec(sql)
		}
		list := read.PassiveList{Args: page.Args{First: number(5)}, PrioritizeBy: []passive.Priority{passive.Score}, Select: joined("customer"),
			Filter: responseFilter(t, `{"customer": {"country": {"eq": "BR"}}}`)}
		var want []model.ResponseID
		w.must(w.db.Gorm.Raw(`SELECT id FROM (SELECT DISTINCT ON (customer_id) * FROM responses ORDER BY customer_id, responded_at DESC, id DESC) r
		WHERE score IN (7, 8) AND country = 'BR' AND NOT EXISTS (SELECT 1 FROM cases k WHERE k.response_id = r.id AND k.status <> 'OPEN')
		ORDER BY score DESC, responded_at DESC, id DESC`).Scan(&want).Error)
		var got []model.ResponseID
		for {
			c, err := w.read.Passives(t.Context(), viewer(w.ann), list)
			w.must(err)
			for _, x := range c.Nodes() {
				got = append(got, x.ID)
				if x.Customer.ID != x.CustomerID || *x.Customer.Country != "BR" {
					t.Errorf("response %s came with the customer %+v, want its own in BR", x.ID, x.Customer)
				}
			}
			if n, err := c.TotalCount(t.Context()); n != len(want) || err != nil {
				t.Errorf("totalCount is %d, %v; want %d", n, err, len(want))
			}
			if list.After = c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
				break
			}
		}
		if !slices.Equal(got, want) || len(want) < 11 {
			t.Errorf("listed %d responses, want the %d of the queue, in order", len(got), len(want))
		}
		unfiltered, err := w.read.Passives(t.Context(), viewer(w.ann), read.PassiveList{})
		w.must(err)
		if n, err := unfiltered.TotalCount(t.Context()); n <= len(want) || err != nil || len(unfiltered.Edges) != 20 || !unfiltered.PageInfo.HasNextPage {
			t.Errorf("without a filter the page has %d of %d responses (%v); want 20 of more than %d", len(unfiltered.Edges), n, err, len(want))
		}
		if _, err := w.read.Passives(t.Context(), viewer(w.ann), read.PassiveList{PrioritizeBy: []passive.Priority{passive.Segment}}); !is(err, fault.CodeBadUserInput, "segments") {
			t.Errorf("by segment without segments: got %v, want BAD_USER_INPUT for segments", err)
		}
		if none, err := w.read.Passives(t.Context(), viewer(w.ann), read.PassiveList{Filter: responseFilter(t, `{"or": []}`)}); err != nil || len(none.Edges) != 0 || none.PageInfo.HasNextPage {
			t.Errorf("an empty or: got %v, %v, want an empty page", none, err)
		}
	})

	// PostgreSQL must read the queue from indexes, a part at a time, for every order and every page.
	t.Run("reads the queue from indexes in every order", func(t *testing.T) {
		t.Parallel()
		found := &lastMatching{text: "FROM passives q"}
		w := newWorld(t, pgtest.WithTracer(found))
		w.exec(`INSERT INTO customers (id, segment, segment_fold, lifetime_value, created_at)
		SELECT gen_random_uuid(), 's' || i % 5, 's' || i % 5, CASE WHEN i % 3 > 0 THEN i % 100 END, now() FROM generate_series(1, 20000) i`)
		w.exec(`INSERT INTO responses (id, customer_id, score, testimonial_likelihood, responded_at, received_at)
		SELECT gen_random_uuid(), id, 7 + n % 2, CASE WHEN n % 4 > 0 THEN n % 50 / 50.0 END, timestamptz '2025-01-01 00:00Z' + n * interval '1 minute', now()
		FROM (SELECT id, row_number() OVER () AS n FROM customers) c`)
		w.exec("ANALYZE passives")
		w.exec("ANALYZE responses")
		for name, by := range map[string][]passive.Priority{
			"passives_newest": nil, "passives_value": {passive.LifetimeValue}, "passives_testimonial": {passive.EasyWins, passive.Testimonial},
			"passives_value_testimonial":   {passive.LifetimeValue, passive.Score, passive.Testimonial},
			"passives_testimonial_value":   {passive.Testimonial, passive.LifetimeValue, passive.ResolvedThemes},
			"passives_segment":             {passive.Segment, passive.Score},
			"passives_segment_value":       {passive.LifetimeValue, passive.Segment},
			"passives_segment_testimonial": {passive.Segment, passive.Testimonial, passive.EasyWins},
		} {
			list := read.PassiveList{Args: page.Args{First: number(20)}, PrioritizeBy: by}
			if slices.Contains(by, passive.Segment) {
				list.Segments = []string{"S2", "s0"}
			}
			for _, page := range []string{"first", "second"} {
				var next *string
				plan := w.plan(&found.lastQuery, func() error {
					c, err := w.read.Passives(t.Context(), viewer(w.ann), list)
					if err == nil {
						next = c.PageInfo.EndCursor
					}
					return err
				})
				if list.After = next; list.After == nil {
					t.Fatalf("%s: the page is empty", name)
				}
				if !strings.Contains(plan, "using "+name+" on") || strings.Contains(plan, "Seq Scan") || strings.Count(plan, "Sort Key") > 1 {
					t.Errorf("by %v, the %s page: the plan does not use %s alone:\n%s", by, page, name, plan)
				}
			}
		}
	})
}

// lastMatching records the last statement that contains the text.
type lastMatching struct {
	lastQuery
	text string
}

func (s *lastMatching) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, s.text) {
		return s.lastQuery.TraceQueryStart(ctx, conn, data)
	}
	return ctx
}
