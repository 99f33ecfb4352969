package casework

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Changes collects changes of locked cases, which are made in memory one after the other. Save writes all of them together, so
// that a call for 500 cases waits for the database hardly more often than a call for one.
type Changes struct {
	now time.Time

	notes     []*model.Note
	saved     map[*LockedCase]bool
	cases     []*LockedCase
	customers []*model.Customer // whose last contact and next survey have changed
	responses []*model.Response // whose contact status has changed
	events    []*event.Pending
	mails     []model.Notification
}

// Changes returns an empty collection, for changes that are made now. A caller has locked its cases before, for which it may
// have waited for long.
func (w *Work) Changes() *Changes { return &Changes{now: w.Now(), saved: map[*LockedCase]bool{}} }

// Note adds a note of a case. The caller has checked the text with CheckNote.
func (ch *Changes) Note(on *LockedCase, by *model.User, body string) *model.Note {
	note := newNote(ch.now, on.ID, by, body)
	ch.notes = append(ch.notes, note)
	return note
}

// Change makes one change to a case, and returns its event.
func (ch *Changes) Change(c *LockedCase, e event.Entry, do func()) *model.LoggedEvent {
	return ch.add(c, c.Apply(ch.now, e, do))
}

// Assign assigns a case to a user, or makes it unassigned where to is nil, with a mail to the new assignee. The caller must
// have locked the row of the user.
func (ch *Changes) Assign(c *LockedCase, to *model.User, e event.Entry) *model.LoggedEvent {
	logged := ch.Change(c, c.AssignedEntry(to, e), func() { c.AssignTo(to, e.Actor, ch.now) })
	if to != nil {
		ch.mails = append(ch.mails, AssignedMail(c, to, logged)...)
	}
	return logged
}

func (ch *Changes) add(c *LockedCase, e event.Entry) *model.LoggedEvent {
	if !ch.saved[c] {
		ch.saved[c] = true
		ch.cases = append(ch.cases, c)
	}
	pending := event.Prepare(e)
	ch.events = append(ch.events, pending)
	return &pending.LoggedEvent
}

// Save writes the changes. The transaction sends them later (pg.Later).
func (w *Work) Save(tx *gorm.DB, ch *Changes) error {
	p := pg.NewPipeline(tx)
	pg.AddInsert(p, "write notes", ch.notes)
	SaveCases(p, ch.cases...)
	pg.AddUpdate(p, "write customers", ch.customers, pg.Only("last_contacted_at", "next_survey_at"))
	pg.AddUpdate(p, "write the contact of responses", ch.responses, pg.Only("contact_status"))
	if err := event.Add(p, ch.events); err != nil {
		return err
	}
	w.AddMail(p, ch.mails)
	return p.Later()
}
