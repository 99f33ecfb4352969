package event

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Entry is what a writer records of one thing that happened.
type Entry = model.EventEntry

// Pending is an entry that has its ID, so that other rows can name it, and is not in the log yet.
type Pending struct {
	entry Entry
	model.LoggedEvent
}

// Prepare makes the row of an entry without its snapshots' JSON, which Add encodes.
func Prepare(e Entry) *Pending {
	return &Pending{e, model.LoggedEvent{Event: e.Event(), Then: e.After, Matches: true}}
}

// Snapshots returns the case right before the event, nil where there was none, and right after it. Until Add encodes
// them, the caller can fill in values that the database gives, such as the case's number.
func (p *Pending) Snapshots() (before, after *model.Snapshot) { return p.entry.Before, p.entry.After }

// Add adds to a pipeline what appends entries to the log, in their order, in the transaction that made the changes which
// they record. The caller has locked the rows of the cases. So the sequence is drawn in the order of each case's versions,
// and stamping keeps that order.
func Add(to *pg.Pipeline, entries []*Pending) error {
	rows := make([]*model.Event, len(entries))
	for i, p := range entries {
		rows[i] = &p.Event
		if err := p.encode(); err != nil {
			return err
		}
	}
	pg.AddInsert(to, "append to the log", rows)
	return nil
}

// AddOne is Add for one entry. It returns the event, with the case as it is now.
func AddOne(to *pg.Pipeline, e Entry) (*model.LoggedEvent, error) {
	p := Prepare(e)
	then := *e.After
	p.Then = &then
	return &p.LoggedEvent, Add(to, []*Pending{p})
}

// Append is AddOne in a pipeline of its own.
func Append(tx *gorm.DB, e Entry) (*model.LoggedEvent, error) {
	p := pg.NewPipeline(tx)
	logged, err := AddOne(p, e)
	if err != nil {
		return nil, err
	}
	return logged, p.Send()
}

// Row makes the row of an entry as the log keeps it, with an ID of its own and no position yet.
func Row(e Entry) (model.Event, error) {
	p := Prepare(e)
	err := p.encode()
	return p.Event, err
}

func (p *Pending) encode() (err error) {
	if p.Snapshot, p.Before, err = encode(p.entry.After, p.entry.Before); err != nil {
		return fmt.Errorf("encode a snapshot: %w", err)
	}
	return nil
}

// encode writes the snapshot after the event whole, and of the snapshot before it only the parts that differ.
func encode(after, before *model.Snapshot) (whole, was json.RawMessage, err error) {
	if whole, err = json.Marshal(after); err != nil || before == nil {
		return whole, nil, err
	}
	now, then := parts(after), parts(before)
	differ := map[string]json.RawMessage{}
	for name := range now {
		a, err := json.Marshal(now[name])
		if err != nil {
			return nil, nil, err
		}
		b, err := json.Marshal(then[name])
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(a, b) {
			differ[name] = b
		}
	}
	was, err = json.Marshal(differ)
	return whole, was, err
}

func parts(s *model.Snapshot) map[string]any {
	return map[string]any{
		"case": &s.Case, "response": &s.Response, "customer": &s.Customer,
		"assigneeName": &s.AssigneeName, "ruleIds": &s.RuleIDs,
		"themes": &s.Themes, "externalRefs": &s.ExternalRefs, "outreaches": &s.Outreaches,
	}
}

// decode returns the case right after the event and right before it; the latter is nil for the event that opened it.
func decode(e *model.Event) (then, was *model.Snapshot, err error) {
	then = new(model.Snapshot)
	if err := json.Unmarshal(e.Snapshot, then); err != nil {
		return nil, nil, fmt.Errorf("decode the snapshot of event %s: %w", e.ID, err)
	}
	if e.Before == nil {
		return then, nil, nil
	}
	var differ map[string]json.RawMessage
	if err := json.Unmarshal(e.Before, &differ); err != nil {
		return nil, nil, fmt.Errorf("decode the snapshot before event %s: %w", e.ID, err)
	}
	was = new(model.Snapshot)
	*was = *then
	for name, raw := range differ {
		// Each part is decoded into an empty value. Otherwise a field that the old part lacks would keep the new value.
		switch name {
		case "case":
			was.Case = model.Case{}
		case "response":
			was.Response = nil
		case "customer":
			was.Customer = model.Customer{}
		case "assigneeName":
			was.AssigneeName = nil
		case "ruleIds":
			was.RuleIDs = nil
		case "themes":
			was.Themes = nil
		case "externalRefs":
			was.ExternalRefs = nil
		case "outreaches":
			was.Outreaches = nil
		}
		part, ok := parts(was)[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, part); err != nil {
			return nil, nil, fmt.Errorf("decode the snapshot before event %s: %w", e.ID, err)
		}
	}
	return then, was, nil
}
