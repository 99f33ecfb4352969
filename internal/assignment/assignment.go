// Package assignment owns the choice of a case's assignee and of an alert's recipients: the strategies, the turns of
// ROUND_ROBIN, the load of LEAST_BUSY, and the lock of the chosen user.
//
// It does not change cases; package casework assigns the case to the chosen user.
package assignment

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// Request is a decision of the rules, and the customer that it is about.
type Request struct {
	rule.Decision
	Customer *model.Customer
}

// LookUp reads the users that the decisions need, locks them until the transaction ends, and takes their turns (AddTake).
func LookUp(tx *gorm.DB, central []string, requests ...Request) (people People, turns map[model.RuleID]int64, err error) {
	var ids []model.UserID
	var emails []string
	for _, a := range requests {
		i, e := UserRefs(a.Decision, a.Customer)
		ids, emails = append(ids, i...), append(emails, e...)
	}
	var users []*model.User
	if len(ids)+len(emails) > 0 {
		ids, emails = pg.LockOrder(ids), slices.Compact(slices.Sorted(slices.Values(emails)))
		err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ANY(?) OR email_fold = ANY(?)", pg.Array(model.UUIDs(ids)), pg.Array(emails)).
			Order("id").Find(&users).Error
		if err != nil {
			return people, nil, fmt.Errorf("look up users: %w", err)
		}
	}
	p := pg.NewPipeline(tx)
	take := AddTake(p, NewPeople(users, central), requests...)
	if err := p.Send(); err != nil {
		return people, nil, err
	}
	people, turns = take()
	return people, turns, nil
}

// AddTake adds to a pipeline what prepares people for decisions. For ROUND_ROBIN it takes the turns, and for LEAST_BUSY it
// counts the open cases of each user. When the pipeline has been sent, take returns the people and the first turn of each
// rule.
//
// A transaction that chooses by the same rule, or by the load of users, waits until this transaction ends: otherwise both
// would read the same turn or the same load, and choose the same user.
func AddTake(p *pg.Pipeline, people People, requests ...Request) (take func() (People, map[model.RuleID]int64)) {
	var choosing []rule.Decision
	for _, a := range requests {
		if a.Opens != nil && a.Opens.Strategy.Choosing() && len(a.Opens.Assignees) > 0 {
			choosing = append(choosing, a.Decision)
		}
	}
	turns := addTurns(p, choosing)
	people.OpenCases = addOpenCases(p, choosing)
	return func() (People, map[model.RuleID]int64) { return people, turns }
}

// addTurns takes a turn for each ROUND_ROBIN decision. When the pipeline has been sent, the map has the first turn of each
// rule.
func addTurns(p *pg.Pipeline, decisions []rule.Decision) map[model.RuleID]int64 {
	type counter struct { // a rule's escalation steps and its new cases have separate turns
		model.RuleID
		step int
	}
	taken := map[counter]int64{}
	var counters []counter
	for _, d := range decisions {
		if d.Opens.Strategy != model.RoundRobin {
			continue
		}
		l := counter{d.Opens.ID, d.Step}
		if taken[l]++; taken[l] == 1 {
			counters = append(counters, l)
		}
	}
	slices.SortFunc(counters, func(a, b counter) int { return slices.Compare(a.UUID[:], b.UUID[:]) })
	first := map[model.RuleID]int64{}
	for _, l := range counters {
		n := taken[l]
		take, args := "UPDATE rules SET turn = turn + $1 WHERE id = $2 RETURNING turn", []any{n, l.RuleID}
		if l.step > 0 {
			take, args = `INSERT INTO escalation_turns AS t (rule_id, step, turn) VALUES ($1, $2, $3)
				ON CONFLICT (rule_id, step) DO UPDATE SET turn = t.turn + excluded.turn RETURNING turn`, []any{l.RuleID, l.step, n}
		}
		p.Query("take turns", take, args, func(rows pgx.Rows) error {
			last, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
			first[l.RuleID] = last - n + 1
			return err
		})
	}
	return first
}

// leastBusyLock makes transactions that choose by users' loads run one after the other.
const leastBusyLock pg.AdvisoryLock = "closeloop least busy"

// addOpenCases counts the open cases of the users of LEAST_BUSY decisions. When the pipeline has been sent, the map has them.
func addOpenCases(p *pg.Pipeline, decisions []rule.Decision) map[model.UserID]int {
	openCases := map[model.UserID]int{}
	var candidates []model.UserID
	for _, d := range decisions {
		if d.Opens.Strategy == model.LeastBusy {
			candidates = append(candidates, d.Opens.Assignees...)
		}
	}
	if len(candidates) == 0 {
		return openCases
	}
	leastBusyLock.AddTo(p)
	p.Query("count users' cases", "SELECT assignee_id, count(*) FROM cases WHERE assignee_id = ANY($1) AND status <> 'CLOSED' GROUP BY assignee_id",
		[]any{model.UUIDs(pg.LockOrder(candidates))}, func(rows pgx.Rows) error {
			var id model.UserID
			var n int
			_, err := pgx.ForEachRow(rows, []any{&id.UUID, &n}, func() error {
				openCases[id] = n
				return nil
			})
			return err
		})
	return openCases
}
