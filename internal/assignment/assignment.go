// Package assignment owns the choice of a case's assignee and of an alert's recipients: the strategies, the turns of
// ROUND_ROBIN, the load of LEAST_BUSY, and the lock of the chosen user.
//
// It refuses to change a case: casework assigns the case to the chosen user.
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

// LookUp reads the users that decisions need, and locks them until the transaction ends. For the strategies that choose
// among several users it also reads how many open cases each user has, and for each rule the turn of its next case.
func LookUp(tx *gorm.DB, central []string, requests ...Request) (people People, turns map[model.RuleID]int64, err error) {
	var ids []model.UserID
	var emails []string
	var choosing []rule.Decision
	for _, a := range requests {
		i, e := UserRefs(a.Decision, a.Customer)
		ids, emails = append(ids, i...), append(emails, e...)
		if len(i)+len(e) > 0 && a.Opens != nil && a.Opens.Strategy.Choosing() {
			choosing = append(choosing, a.Decision)
		}
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
	people = NewPeople(users, central)
	if turns, err = takeTurns(tx, choosing); err != nil {
		return people, nil, err
	}
	people.OpenCases, err = countOpenCases(tx, choosing)
	return people, turns, err
}

// A transaction that chooses by the same rule, or by users' loads, waits until this transaction ends: two transactions
// at once would read the same turn, or the same load, and choose the same user.

// takeTurns takes a turn for each ROUND_ROBIN decision, and returns the first turn of each rule.
func takeTurns(tx *gorm.DB, of []rule.Decision) (map[model.RuleID]int64, error) {
	type list struct { // a rule's escalation steps and its new cases have separate turns
		model.RuleID
		step int
	}
	taken := map[list]int64{}
	var lists []list
	for _, d := range of {
		if d.Opens.Strategy != model.RoundRobin {
			continue
		}
		l := list{d.Opens.ID, d.Step}
		if taken[l]++; taken[l] == 1 {
			lists = append(lists, l)
		}
	}
	slices.SortFunc(lists, func(a, b list) int { return slices.Compare(a.UUID[:], b.UUID[:]) })
	first := map[model.RuleID]int64{}
	for _, l := range lists {
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

// leastBusyLock is taken by each transaction that chooses by users' loads.
const leastBusyLock pg.AdvisoryLock = "closeloop least busy"

// countOpenCases counts the open cases of the users of LEAST_BUSY decisions.
func countOpenCases(tx *gorm.DB, of []rule.Decision) (map[model.UserID]int, error) {
	busy := map[model.UserID]int{}
	var among []model.UserID
	for _, d := range of {
		if d.Opens.Strategy == model.LeastBusy {
			among = append(among, d.Opens.Assignees...)
		}
	}
	if len(among) == 0 {
		return busy, nil
	}
	if err := leastBusyLock.Lock(tx); err != nil {
		return nil, fmt.Errorf("wait for the lock of LEAST_BUSY: %w", err)
	}
	var rows []struct {
		AssigneeID model.UserID
		N          int
	}
	err := tx.Raw("SELECT assignee_id, count(*) AS n FROM cases WHERE assignee_id = ANY(?) AND status <> 'CLOSED' GROUP BY assignee_id",
		pg.Array(model.UUIDs(pg.LockOrder(among)))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count users' cases: %w", err)
	}
	for _, r := range rows {
		busy[r.AssigneeID] = r.N
	}
	return busy, nil
}
