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

// expect refuses a case that is not at the expected version; nil expects nothing.
func (h *LockedCase) expect(version *int) error {
	if version == nil || *version == h.Version {
		return nil
	}
	return &fault.Error{Code: fault.CodeConflict, Argument: "input.expectedVersion",
		Message: fmt.Sprintf("the case has changed: it is at version %d, not %d; read it again", h.Version, *version)}
}

// Snapshot is the present state of the case, with every field that a filter reads.
func (h *LockedCase) Snapshot() *model.Snapshot {
	s := &model.Snapshot{
		Case: h.Case, Customer: *h.Customer, RuleIDs: h.RuleIDs,
		Themes: slices.Clone(h.Themes), ExternalRefs: slices.Clone(h.ExternalRefs), Outreaches: slices.Clone(h.Outreaches),
	}
	if h.Response != nil {
		r := *h.Response
		s.Response = &r
	}
	if h.Assignee != nil {
		name := h.Assignee.Name
		s.AssigneeName = &name
	}
	return s
}

// Change makes one change to the case: the row and the log advance together, by one version.
func (h *LockedCase) Change(tx *gorm.DB, now time.Time, e event.Entry, do func()) (*model.LoggedEvent, error) {
	e = h.Apply(now, e, do)
	if err := SaveCases(tx, h); err != nil {
		return nil, err
	}
	return event.Append(tx, e)
}

// Apply makes one change to the case in memory, and returns its event. The caller writes both.
func (h *LockedCase) Apply(now time.Time, e event.Entry, do func()) event.Entry {
	e.Before = h.Snapshot()
	do()
	h.Version++
	h.UpdatedAt = now
	e.After = h.Snapshot()
	return e
}

// SaveCases writes those columns of the cases that can change.
func SaveCases(tx *gorm.DB, cases ...*LockedCase) error {
	rows := make([]*model.Case, len(cases))
	for i, h := range cases {
		rows[i] = &h.Case
	}
	return pg.WrapErr("write cases", pg.Update(tx, rows, pg.Only("status", "assignee_id", "assigned_at", "assigned_by_id", "updated_at",
		"first_follow_up_at", "first_contact_at", "root_cause", "closed_at", "overdue_at", "reopen_count", "version",
		"country", "company_fold", "segment_fold", "lifetime_value")))
}
