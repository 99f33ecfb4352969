package passive_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// recountQueue computes the queue from the other tables, and compares it with the table passives.
func (w *world) recountQueue() {
	w.T.Helper()
	var differ []string
	err := w.DB.Gorm.Raw(`
		WITH latest AS (SELECT DISTINCT ON (customer_id) * FROM responses ORDER BY customer_id, responded_at DESC, id DESC),
		want AS (
			SELECT r.id, r.customer_id, (CASE WHEN r.score = 8 THEN 4 ELSE 0 END)
				+ (CASE WHEN EXISTS (SELECT 1 FROM response_themes x JOIN themes t ON t.id = x.theme_id
					WHERE x.response_id = r.id AND t.deleted_at IS NULL AND t.effort = 'EASY') THEN 2 ELSE 0 END)
				+ (CASE WHEN EXISTS (SELECT 1 FROM response_themes x JOIN themes t ON t.id = x.theme_id
					WHERE x.response_id = r.id AND t.deleted_at IS NULL AND t.resolved_at > r.responded_at) THEN 1 ELSE 0 END) AS cell,
				coalesce(c.segment_fold, '') AS segment, coalesce(c.lifetime_value, -1e21) AS lifetime_value, coalesce(r.testimonial_likelihood, -1) AS testimonial,
				r.responded_at, EXISTS (SELECT 1 FROM cases k WHERE k.response_id = r.id AND NOT (k.assignee_id IS NULL AND k.status = 'OPEN')) AS taken
			FROM latest r JOIN customers c ON c.id = r.customer_id
			WHERE r.score IN (7, 8) AND r.contact_status = 'NOT_CONTACTED' AND c.erased_at IS NULL AND (c.last_contacted_at < r.responded_at OR c.last_contacted_at IS NULL))
		SELECT 'missing: ' || w.*::text FROM (SELECT * FROM want EXCEPT SELECT * FROM passives) w
		UNION ALL SELECT 'unexpected: ' || p.*::text FROM (SELECT * FROM passives EXCEPT SELECT * FROM want) p`).Scan(&differ).Error
	if err != nil {
		w.T.Fatal(err)
	}
	if len(differ) > 0 {
		w.T.Errorf("the queue and its recount differ in %d rows:\n%s", len(differ), strings.Join(differ, "\n"))
	}
}

// After random writes of all kinds by several users at once, the queue must equal its recount.
func TestQueueMatchesARecountAfterManyWritesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agents := append(w.Agents(3), w.Agent.User)
	w.Rule("some", func(r *model.Rule) { r.Scores = []int{3, 7} })
	themes := []*model.Theme{w.Theme("A", "late"), w.Theme("B", "rain"), w.Theme("C")}
	source := newSource(t)
	worktest.AtOnce(4, func(i int) {
		random := source(i)
		for n := range 100 {
			var err error
			id := themes[random.IntN(3)].ID
			switch random.IntN(8) {
			case 0:
				_, err = theme.NewTagger(w.Work).TagResponse(t.Context(), w.Agent, theme.TagResponseInput{ResponseID: w.anyResponse(random.Uint64()), ThemeIDs: []model.ThemeID{id}[:random.IntN(2)]})
			case 1:
				err = w.retheme(id, []string{"EASY", "HARD"}[random.IntN(2)], random.IntN(2) == 0)
			case 2:
				_, err = passive.NewAllocator(w.Work).Allocate(t.Context(), w.Agent, passive.AllocatePassivesInput{Percent: 20, UserIDs: idsOf(agents)})
			case 3:
				at := w.Now().Add(-time.Duration(random.IntN(60)) * time.Second)
				in := worktest.From(fmt.Sprintf("c-%d", random.IntN(16)), 7+random.IntN(2))
				in.RespondedAt, in.Comment = &at, new([]string{"so late", "the rain was late", "fine"}[random.IntN(3)])
				_, err = intake.New(w.Work).Submit(t.Context(), w.Agent, in)
			default:
				err = w.WriteAnything(random, agents)
			}
			var refused *fault.Error
			if err != nil && !errors.As(err, &refused) {
				t.Errorf("write %d of %d: %v", n, i, err)
			}
		}
	})
	w.recountQueue()
	for what, sql := range map[string]string{"taken": "passives WHERE taken", "in the queue": "passives WHERE NOT taken", "tagged": "passives WHERE cell & 3 > 0"} {
		t.Logf("%d rows are %s", w.Count("SELECT count(*) FROM "+sql), what)
	}
	if n := w.Count("SELECT count(*) FROM responses"); n < 100 {
		t.Errorf("got %d responses, want at least 100 for a meaningful test", n)
	}
}

// newSource returns a function that makes a random source for each writer. It logs the seed, so that a failure can be
// repeated.
func newSource(t *testing.T) func(i int) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	return func(i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }
}

// anyResponse returns a random response.
func (w *world) anyResponse(random uint64) (id model.ResponseID) {
	_ = w.DB.Pool.QueryRow(w.T.Context(), "SELECT id FROM responses ORDER BY md5(id::text || $1) LIMIT 1", fmt.Sprint(random)).Scan(&id)
	return id
}

// retheme changes a theme as package theme does: it takes the locks first.
func (w *world) retheme(id model.ThemeID, effort string, resolved bool) error {
	return w.DB.Tx(w.T.Context(), func(tx *gorm.DB) error {
		if err := configuration.Lock(tx); err != nil {
			return err
		}
		if err := tx.Exec("SELECT 1 FROM themes WHERE id = ? FOR UPDATE", id).Error; err != nil {
			return err
		}
		var at any
		if resolved {
			at = w.Now()
		}
		return tx.Exec("UPDATE themes SET effort = ?, resolved_at = ? WHERE id = ?", effort, at, id).Error
	})
}
