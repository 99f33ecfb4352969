package casework

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// expect returns a CONFLICT where the case is not at the given version; nil accepts any version.
func (c *LockedCase) expect(version *int) error {
	if version == nil || *version == c.Version {
		return nil
	}
	return &fault.Error{Code: fault.CodeConflict, Argument: "input.expectedVersion",
		Message: fmt.Sprintf("the case has changed since you read it: it is at version %d, not %d; read it again", c.Version, *version)}
}

// Snapshot returns the current state of the case, with every field that a filter reads.
func (c *LockedCase) Snapshot() *model.Snapshot {
	s := &model.Snapshot{
		Case: c.Case, Customer: *c.Customer, RuleIDs: c.RuleIDs,
		Themes: slices.Clone(c.Themes), ExternalRefs: slices.Clone(c.ExternalRefs), Outreaches: slices.Clone(c.Outreaches),
	}
	if c.Response != nil {
		r := *c.Response
		s.Response = &r
	}
	if c.Assignee != nil {
		name := c.Assignee.Name
		s.AssigneeName = &name
	}
	return s
}

// Change makes one change to the case. It writes the row at the next version, and the event of that version to the log; the
// transaction sends both later (pg.Later).
func (c *LockedCase) Change(tx *gorm.DB, now time.Time, e event.Entry, do func()) (*model.LoggedEvent, error) {
	e = c.Apply(now, e, do)
	p := pg.NewPipeline(tx)
	SaveCases(p, c)
	logged, err := event.AddOne(p, e)
	if err != nil {
		return nil, err
	}
	return logged, p.Later()
}

// Apply makes one change to the case in memory, and returns its event. The caller writes the case and the event. Its time is
// not before that of the case's last change: a call may have read its clock and then waited for the case, or run on a server
// whose clock is behind.
func (c *LockedCase) Apply(now time.Time, e event.Entry, do func()) event.Entry {
	if now.Before(c.UpdatedAt) {
		now = c.UpdatedAt
	}
	e.Before = c.Snapshot()
	do()
	c.Version++
	c.UpdatedAt = now
	e.After = c.Snapshot()
	return e
}

// SaveCases adds to a pipeline what writes the columns of the cases that can change.
func SaveCases(p *pg.Pipeline, cases ...*LockedCase) {
	rows := make([]*model.Case, len(cases))
	for i, c := range cases {
		rows[i] = &c.Case
	}
	pg.AddUpdate(p, "write cases", rows, pg.Only("status", "assignee_id", "assigned_at", "assigned_by_id", "updated_at",
		"first_follow_up_at", "first_contact_at", "root_cause", "closed_at", "overdue_at", "reopen_count", "version",
		"country", "company_fold", "segment_fold", "lifetime_value"))
}
