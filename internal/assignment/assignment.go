// Package assignment owns the choice of a case's assignee and of an alert's recipients: the strategies, the turns of
// ROUND_ROBIN, the load of LEAST_BUSY, and the lock of the chosen user.
//
// It does not change cases; package casework assigns the case to the chosen user.
package assignment

import (
	"fmt"
	"slices"

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

// LookUp reads the users that the decisions need, locks them until the transaction ends, and takes their turns (Take).
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
	return Take(tx, NewPeople(users, central), requests...)
}

// Take prepares the people for the decisions. For ROUND_ROBIN it takes the turns, and returns the first turn of each rule.
// For LEAST_BUSY it counts the open cases of each user.
//
// A transaction that chooses by the same rule, or by the load of users, waits until this transaction ends: otherwise both
// would read the same turn or the same load, and choose the same user.
func Take(tx *gorm.DB, people People, requests ...Request) (_ People, turns map[model.RuleID]int64, err error) {
	var choosing []rule.Decision
	for _, a := range requests {
		if a.Opens != nil && a.Opens.Strategy.Choosing() && len(a.Opens.Assignees) > 0 {
			choosing = append(choosing, a.Decision)
		}
	}
	if turns, err = takeTurns(tx, choosing); err != nil {
		return people, nil, err
	}
	people.OpenCases, err = countOpenCases(tx, choosing)
	return people, turns, err
}

// takeTurns takes a turn for each ROUND_ROBIN decision, and returns the first turn of each rule.
func takeTurns(tx *gorm.DB, decisions []rule.Decision) (map[model.RuleID]int64, error) {
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
		take, args := "UPDATE rules SET turn = turn + ? WHERE id = ? RETURNING turn", []any{n, l.RuleID}
		if l.step > 0 {
			take, args = `INSERT INTO escalation_turns AS t (rule_id, step, turn) VALUES (?, ?, ?)
				ON CONFLICT (rule_id, step) DO UPDATE SET turn = t.turn + excluded.turn RETURNING turn`, []any{l.RuleID, l.step, n}
		}
		var last int64
		if err := tx.Raw(take, args...).Scan(&last).Error; err != nil {
			return nil, fmt.Errorf("take turns: %w", err)
		}
		first[l.RuleID] = last - n + 1
	}
	return first, nil
}

// leastBusyLock makes transactions that choose by users' loads run one after the other.
const leastBusyLock pg.AdvisoryLock = "closeloop least busy"

// countOpenCases counts the open cases of the users of LEAST_BUSY decisions.
func countOpenCases(tx *gorm.DB, decisions []rule.Decision) (map[model.UserID]int, error) {
	openCases := map[model.UserID]int{}
	var candidates []model.UserID
	for _, d := range decisions {
		if d.Opens.Strategy == model.LeastBusy {
			candidates = append(candidates, d.Opens.Assignees...)
		}
	}
	if len(candidates) == 0 {
		return openCases, nil
	}
	if err := leastBusyLock.Lock(tx); err != nil {
		return nil, fmt.Errorf("wait for the lock of LEAST_BUSY: %w", err)
	}
	var rows []struct {
		AssigneeID model.UserID
		N          int
	}
	err := tx.Raw("SELECT assignee_id, count(*) AS n FROM cases WHERE assignee_id = ANY(?) AND status <> 'CLOSED' GROUP BY assignee_id",
		pg.Array(model.UUIDs(pg.LockOrder(candidates)))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count users' cases: %w", err)
	}
	for _, r := range rows {
		openCases[r.AssigneeID] = r.N
	}
	return openCases, nil
}
