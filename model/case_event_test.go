package model_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

func TestASnapshotIsShownFlat(t *testing.T) {
	t.Parallel()
	id, user, due, value := model.CaseID{UUID: one}, model.UserID{UUID: model.NewUUID()}, at.Add(time.Hour), decimal.NewFromInt(12)
	s := &model.Snapshot{
		Case: model.Case{ID: id, Number: 4, Version: 3, Status: model.InProgress, Origin: model.OriginRule, AssigneeID: &user,
			OpenedAt: at, DueAt: &due, FirstFollowUpAt: &at},
		Response: &model.Response{ID: model.ResponseID{UUID: one}, Score: 9, Comment: new("Great"), ContactRequested: true, RespondedAt: at,
			Survey: new("spring")},
		Customer: model.Customer{ID: model.CustomerID{UUID: one}, Email: new("ana@example.com"), Company: new("ACME"), Country: new("BR"),
			Segment: new("gold"), LifetimeValue: &value},
		AssigneeName: new("Bo"),
	}
	f := s.Flat()
	if f.CaseID != id || f.Number != 4 || f.Version != 3 || f.Status != model.InProgress || f.Origin != model.OriginRule ||
		*f.AssigneeID != user || *f.AssigneeName != "Bo" || f.OpenedAt != at || *f.DueAt != due || *f.FirstFollowUpAt != at || f.ClosedAt != nil {
		t.Errorf("the case: %+v", f)
	}
	if *f.ResponseID != s.Response.ID || *f.Score != 9 || *f.Category != model.Promoter || *f.Comment != "Great" || !*f.ContactRequested ||
		*f.RespondedAt != at || *f.Survey != "spring" {
		t.Errorf("the response: %+v", f)
	}
	if f.CustomerID != s.Customer.ID || f.CustomerName != "ana@example.com" || *f.Company != "ACME" || *f.Country != "BR" || *f.Segment != "gold" ||
		!f.LifetimeValue.Equal(value) {
		t.Errorf("the customer: %+v", f)
	}
}

func TestSnapshotOfACaseWithoutResponse(t *testing.T) {
	t.Parallel()
	closed := at.Add(time.Hour)
	f := (&model.Snapshot{Case: model.Case{Status: model.Closed, ClosedAt: &closed}}).Flat()
	if f.ResponseID != nil || f.Score != nil || f.Category != nil || f.Comment != nil || f.ContactRequested != nil || f.RespondedAt != nil ||
		f.Survey != nil || f.AssigneeID != nil || f.AssigneeName != nil || *f.ClosedAt != closed {
		t.Errorf("%+v", f)
	}
}

func TestLoadedOfAnEvent(t *testing.T) {
	t.Parallel()
	id := model.NoteID{UUID: one}
	for _, c := range []struct {
		event *model.LoggedEvent
		field string
		want  bool
	}{
		{&model.LoggedEvent{Cursor: "c"}, "cursor", true},
		{&model.LoggedEvent{}, "cursor", false},
		{&model.LoggedEvent{}, "note", true},
		{&model.LoggedEvent{Event: model.Event{NoteID: &id}}, "note", false},
		{&model.LoggedEvent{Event: model.Event{NoteID: &id}, ReadNote: &model.Note{ID: id}}, "note", true},
		{&model.LoggedEvent{}, "snapshot", true},
		{&model.LoggedEvent{}, "case", false},
	} {
		if got := c.event.Loaded(c.field); got != c.want {
			t.Errorf("%s of %+v is loaded: %t", c.field, c.event, got)
		}
	}
}
