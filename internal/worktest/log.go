package worktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

// CheckLog asserts that the case's log describes its rows: each event's snapshot is the state after the event, and
// with the parts that the event keeps from before it is the snapshot of the event before.
func (w *World) CheckLog(id model.CaseID) {
	w.T.Helper()
	events := w.Events(id)
	if len(events) == 0 {
		w.T.Errorf("case %s has no log", id)
		return
	}
	var last *model.Snapshot
	for i, e := range events {
		then := Decoded(w.T, e.Snapshot, nil)
		if e.Version != i+1 || then.Case.Version != e.Version || !then.Case.UpdatedAt.Equal(e.At) || then.Case.ID != id {
			w.T.Errorf("event %d of case %s is of version %d at %s: %+v", i+1, id, e.Version, e.At, then.Case)
		}
		if i == 0 {
			if e.Type != model.EventOpened || e.Before != nil {
				w.T.Errorf("case %s begins with %s, before it %s", id, e.Type, e.Before)
			}
		} else if d := difference(w.T, Decoded(w.T, e.Snapshot, e.Before), last); d != "" {
			w.T.Errorf("what was before event %d (%s) of case %s is not what was after the one before it:%s", i+1, e.Type, id, d)
		}
		last = then
	}
	if d := difference(w.T, last, w.Snapshot(id)); d != "" {
		w.T.Errorf("what the log of case %s ends with is not what the rows are:%s", id, d)
	}
}

// Snapshot makes the case's snapshot from the rows.
func (w *World) Snapshot(id model.CaseID) *model.Snapshot {
	w.T.Helper()
	s := &model.Snapshot{Case: *Read[model.Case](w.T, w.DB, id)}
	s.Customer = *Read[model.Customer](w.T, w.DB, s.Case.CustomerID)
	if s.Case.ResponseID != nil {
		s.Response = Read[model.Response](w.T, w.DB, *s.Case.ResponseID)
	}
	if s.Case.AssigneeID != nil {
		s.AssigneeName = &Read[model.User](w.T, w.DB, *s.Case.AssigneeID).Name
	}
	if err := w.DB.Gorm.Raw("SELECT rule_id FROM case_rules WHERE case_id = ? ORDER BY ordinal", id).Scan(&s.RuleIDs).Error; err != nil {
		w.T.Fatal(err)
	}
	if err := w.DB.Gorm.Where("case_id = ?", id).Order(`system COLLATE "C"`).Find(&s.ExternalRefs).Error; err != nil {
		w.T.Fatal(err)
	}
	err := w.DB.Gorm.Raw(`SELECT t.* FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = ? AND t.deleted_at IS NULL
		ORDER BY t.name_fold`, s.Case.ResponseID).Scan(&s.Themes).Error
	if err != nil {
		w.T.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, e := range w.Events(id) {
		if e.Type != model.EventOutreachRecorded {
			continue
		}
		o := model.Outreach{Channel: *e.Channel, Offer: e.Offer, Outcome: *e.Outcome}
		if kind := string(encoded(w.T, o)); !kinds[kind] {
			kinds[kind] = true
			s.Outreaches = append(s.Outreaches, o)
		}
	}
	return s
}

// Decoded reads a snapshot, and replaces the parts that the event keeps from before.
func Decoded(t *testing.T, snapshot, before json.RawMessage) *model.Snapshot {
	t.Helper()
	parts, were := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(snapshot, &parts); err != nil {
		t.Fatal(err)
	}
	if before != nil {
		if err := json.Unmarshal(before, &were); err != nil {
			t.Fatal(err)
		}
	}
	for name, was := range were {
		if string(was) == string(parts[name]) {
			t.Errorf("the part %s is kept though it did not change", name)
		}
	}
	maps.Copy(parts, were)
	s := new(model.Snapshot)
	if err := json.Unmarshal(encoded(t, parts), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// difference shows the parts in which two snapshots differ; it is empty when they are equal.
func difference(t *testing.T, a, b *model.Snapshot) string {
	t.Helper()
	var parts [2]map[string]json.RawMessage
	for i, s := range []*model.Snapshot{a, b} {
		if err := json.Unmarshal(encoded(t, s), &parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	var d strings.Builder
	names := slices.Concat(slices.Collect(maps.Keys(parts[0])), slices.Collect(maps.Keys(parts[1])))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if x, y := parts[0][name], parts[1][name]; string(x) != string(y) {
			fmt.Fprintf(&d, "\n%s: %s\n%s: %s", name, x, name, y)
		}
	}
	return d.String()
}

// SameJSON reports whether two values have the same JSON.
func SameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	return string(encoded(t, a)) == string(encoded(t, b))
}
