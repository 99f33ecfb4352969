package model_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

// fullEntry is an entry with every field filled.
func fullEntry(of model.CaseEventType) *model.EventEntry {
	user, note, rule := model.UserID{UUID: one}, model.NoteID{UUID: one}, model.RuleID{UUID: one}
	due := at.Add(time.Hour)
	return &model.EventEntry{
		Type: of, Actor: &user, Note: &note, Rule: &rule, PreviousStatus: new(model.Open), Status: new(model.Closed),
		PreviousAssignee: &user, Assignee: &user, Changed: []string{"customer.country"},
		Outreach:     &model.Outreach{Channel: "PHONE", Offer: new(model.OutreachOffer("VOUCHER")), Outcome: model.Reached},
		NextSurveyAt: &due, Improvement: new("Answer the phone."), Whys: []string{"Late."}, Step: new(2), Duration: new(model.Duration(time.Hour)),
		Before: &model.Snapshot{}, After: &model.Snapshot{Case: model.Case{ID: model.CaseID{UUID: one}, Version: 3, Origin: model.OriginRule, UpdatedAt: at, DueAt: &due}},
	}
}

// always are the columns that every event has.
var always = []string{"ID", "CaseID", "Version", "Type", "At", "ActorID"}

// columns are the columns of each type, without the columns that every event has.
var columns = map[model.CaseEventType][]string{
	model.EventOpened:           {"NoteID", "RuleID"},
	model.EventAssigned:         {"NoteID", "RuleID", "PreviousAssigneeID", "AssigneeID"},
	model.EventStatusChanged:    {"NoteID", "PreviousStatus", "Status"},
	model.EventNoteAdded:        {"NoteID"},
	model.EventDetailsChanged:   {"Changed"},
	model.EventOverdue:          nil,
	model.EventOutreachRecorded: {"NoteID", "Channel", "Offer", "Outcome", "NextSurveyAt"},
	model.EventCustomerReplied:  {"NoteID", "Improvement"},
	model.EventRootCauseSet:     {"Whys"},
	model.EventEscalated:        {"RuleID", "Step", "After"},
	model.EventCustomerErased:   nil,
}

func TestEventSpec(t *testing.T) {
	t.Parallel()
	for _, of := range model.EventTypes() {
		spec := of.Spec()
		entry := fullEntry(of)
		logged := &model.LoggedEvent{Event: entry.Event(), Then: entry.After}
		t.Run(string(of), func(t *testing.T) {
			t.Parallel()
			t.Run("has its GraphQL type", func(t *testing.T) {
				t.Parallel()
				typed := logged.Typed()
				if name := reflect.TypeOf(typed).Elem().Name(); name != spec.GraphQL || typed.Logged() != logged {
					t.Errorf("it is a %s, not a %s", name, spec.GraphQL)
				}
			})
			t.Run("fills the columns of its type only", func(t *testing.T) {
				t.Parallel()
				want, known := columns[of]
				if !known {
					t.Fatal("this test does not know its columns")
				}
				row := reflect.ValueOf(logged.Event)
				for i := range row.NumField() {
					name := row.Type().Field(i).Name
					wanted := slices.Contains(want, name) || slices.Contains(always, name)
					if filled := !row.Field(i).IsZero(); filled != wanted {
						t.Errorf("%s is filled: %t", name, filled)
					}
				}
			})
			t.Run("has a value for each field", func(t *testing.T) {
				t.Parallel()
				for _, field := range spec.Fields {
					if text, err := json.Marshal(field.Value(logged)); err != nil || string(text) == "null" || string(text) == "[]" {
						t.Errorf("%s is %s, %v", field.Name, text, err)
					}
				}
			})
			t.Run("exports without the snapshot", func(t *testing.T) {
				t.Parallel()
				for _, field := range spec.Fields {
					if field.Export {
						field.Value(&model.LoggedEvent{Event: logged.Event}) // panics if it reads the snapshot
					}
				}
			})
			t.Run("has a label", func(t *testing.T) {
				t.Parallel()
				if spec.Label == "" {
					t.Error("the pages would show an empty line")
				}
			})
		})
	}
}

func TestSpec(t *testing.T) {
	t.Parallel()
	t.Run("panics for an unknown type", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("the event was shown as one of another type")
			}
		}()
		(&model.LoggedEvent{Event: model.Event{Type: "HUGGED"}}).Typed()
	})
}
