package casework_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

// logTells asserts that the case's log says what happened to its rows: each event's snapshot is the state after it,
// and what it keeps of before makes the snapshot of the event before it.
func (w *world) logTells(id model.CaseID) {
	w.t.Helper()
	events := w.events(id)
	if len(events) == 0 {
		w.t.Errorf("case %s has no log", id)
		return
	}
	var last *model.Snapshot
	for i, e := range events {
		then := decoded(w.t, e.Snapshot, nil)
		if e.Version != i+1 || then.Case.Version != e.Version || !then.Case.UpdatedAt.Equal(e.At) || then.Case.ID != id {
			w.t.Errorf("event %d of case %s is of version %d at %s: %+v", i+1, id, e.Version, e.At, then.Case)
		}
		if i == 0 {
			if e.Type != model.EventOpened || e.Before != nil {
				w.t.Errorf("case %s begins with %s, before it %s", id, e.Type, e.Before)
			}
		} else if d := apart(w.t, decoded(w.t, e.Snapshot, e.Before), last); d != "" {
			w.t.Errorf("what was before event %d (%s) of case %s is not what was after the one before it:%s", i+1, e.Type, id, d)
		}
		last = then
	}
	if d := apart(w.t, last, w.snapshot(id)); d != "" {
		w.t.Errorf("what the log of case %s ends with is not what the rows are:%s", id, d)
	}
}

// snapshot makes the case's snapshot out of the rows.
func (w *world) snapshot(id model.CaseID) *model.Snapshot {
	w.t.Helper()
	s := &model.Snapshot{Case: *read[model.Case](w, id)}
	s.Customer = *read[model.Customer](w, s.Case.CustomerID)
	if s.Case.ResponseID != nil {
		s.Response = read[model.Response](w, *s.Case.ResponseID)
	}
	if s.Case.AssigneeID != nil {
		s.AssigneeName = &read[model.User](w, *s.Case.AssigneeID).Name
	}
	if err := w.db.Gorm.Raw("SELECT rule_id FROM case_rules WHERE case_id = ? ORDER BY ordinal", id).Scan(&s.RuleIDs).Error; err != nil {
		w.t.Fatal(err)
	}
	if err := w.db.Gorm.Where("case_id = ?", id).Order(`system COLLATE "C"`).Find(&s.ExternalRefs).Error; err != nil {
		w.t.Fatal(err)
	}
	err := w.db.Gorm.Raw(`SELECT t.* FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = ? AND t.deleted_at IS NULL
		ORDER BY t.name_fold`, s.Case.ResponseID).Scan(&s.Themes).Error
	if err != nil {
		w.t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, e := range w.events(id) {
		if e.Type != model.EventOutreachRecorded {
			continue
		}
		o := model.Outreach{Channel: *e.Channel, Offer: e.Offer, Outcome: *e.Outcome}
		if kind := string(encoded(w.t, o)); !kinds[kind] {
			kinds[kind] = true
			s.Outreaches = append(s.Outreaches, o)
		}
	}
	return s
}

// decoded reads a snapshot, with what an event keeps of before it put over it.
func decoded(t *testing.T, snapshot, before json.RawMessage) *model.Snapshot {
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

// apart shows the parts in which two snapshots differ; it is empty where they are the same.
func apart(t *testing.T, a, b *model.Snapshot) string {
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

// sameJSON tells whether two values are written the same.
func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	return string(encoded(t, a)) == string(encoded(t, b))
}
