package model_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

var at = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func TestCase(t *testing.T) {
	t.Parallel()
	t.Run("is overdue past its target without a follow-up", func(t *testing.T) {
		t.Parallel()
		before, after := at.Add(-time.Microsecond), at.Add(time.Microsecond)
		for name, c := range map[string]struct {
			of   model.Case
			want bool
		}{
			"past its target":               {model.Case{Status: model.Open, DueAt: &before}, true},
			"at its target":                 {model.Case{Status: model.Open, DueAt: &at}, false},
			"before its target":             {model.Case{Status: model.Open, DueAt: &after}, false},
			"without a target":              {model.Case{Status: model.Open}, false},
			"followed up":                   {model.Case{Status: model.InProgress, DueAt: &before, FirstFollowUpAt: &before}, false},
			"followed up too late":          {model.Case{Status: model.InProgress, DueAt: &before, FirstFollowUpAt: &at}, false},
			"reopened after its follow-up":  {model.Case{Status: model.Open, DueAt: &before, FirstFollowUpAt: &before}, false},
			"closed":                        {model.Case{Status: model.Closed, DueAt: &before, ClosedAt: &at}, false},
			"in progress with no follow-up": {model.Case{Status: model.InProgress, DueAt: &before}, true},
		} {
			if got := c.of.Overdue(at); got != c.want {
				t.Errorf("%s: overdue is %t", name, got)
			}
		}
	})

	t.Run("stops counting the time since opening when it is closed", func(t *testing.T) {
		t.Parallel()
		opened, closed := at.Add(-3*time.Hour), at.Add(-time.Hour)
		for name, c := range map[string]struct {
			of   model.Case
			want time.Duration
		}{
			"open":                   {model.Case{OpenedAt: opened}, 3 * time.Hour},
			"closed":                 {model.Case{OpenedAt: opened, ClosedAt: &closed}, 2 * time.Hour},
			"opened just now":        {model.Case{OpenedAt: at}, 0},
			"opened by a fast clock": {model.Case{OpenedAt: at.Add(time.Second)}, 0},
		} {
			if got := time.Duration(c.of.TimeSinceOpen(at)); got != c.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	})

	// A case goes through all statuses: which fields each move sets, and which it keeps.
	t.Run("keeps its first follow-up when it moves", func(t *testing.T) {
		t.Parallel()
		c := &model.Case{Status: model.Open, OpenedAt: at}
		hour := func(n int) time.Time { return at.Add(time.Duration(n) * time.Hour) }
		for n, step := range []struct {
			to       model.CaseStatus
			followUp int
			closed   int // 0: not closed
			reopened int
		}{
			{model.InProgress, 1, 0, 0},
			{model.Closed, 1, 2, 0},
			{model.InProgress, 1, 0, 1},
			{model.Closed, 1, 4, 1},
			{model.Open, 1, 0, 2},
			{model.Closed, 1, 6, 2},
			{model.Open, 1, 0, 3},
			{model.InProgress, 1, 0, 3},
		} {
			c.MoveTo(step.to, hour(n+1))
			if c.Status != step.to || c.ReopenCount != step.reopened {
				t.Errorf("move %d: %s, reopened %d times", n+1, c.Status, c.ReopenCount)
			}
			if c.FirstFollowUpAt == nil || !c.FirstFollowUpAt.Equal(hour(step.followUp)) {
				t.Errorf("move %d: followed up at %v", n+1, c.FirstFollowUpAt)
			}
			if (c.ClosedAt != nil) != (step.closed > 0) || c.ClosedAt != nil && !c.ClosedAt.Equal(hour(step.closed)) {
				t.Errorf("move %d: closed at %v", n+1, c.ClosedAt)
			}
		}
	})

	t.Run("counts closing at once as follow-up", func(t *testing.T) {
		t.Parallel()
		c := &model.Case{Status: model.Open}
		c.MoveTo(model.Closed, at)
		if c.FirstFollowUpAt == nil || c.ClosedAt == nil || !c.FirstFollowUpAt.Equal(at) || !c.ClosedAt.Equal(at) {
			t.Errorf("followed up at %v, closed at %v", c.FirstFollowUpAt, c.ClosedAt)
		}
	})

	t.Run("loses assignee and time when it is unassigned", func(t *testing.T) {
		t.Parallel()
		user, by := &model.User{ID: model.UserID{UUID: one}}, model.UserID{UUID: model.NewUUID()}
		c := new(model.Case)
		c.AssignTo(user, &by, at)
		if *c.AssigneeID != user.ID || c.Assignee != user || !c.AssignedAt.Equal(at) || *c.AssignedByID != by {
			t.Errorf("assigned: %+v", c)
		}
		c.AssignTo(nil, &by, at)
		if c.AssigneeID != nil || c.Assignee != nil || c.AssignedAt != nil || c.AssignedByID != nil {
			t.Errorf("assigned to nobody: %+v", c)
		}
	})

	t.Run("copies the columns that its lists need", func(t *testing.T) {
		t.Parallel()
		value := decimal.NewFromInt(1200)
		customer := &model.Customer{Country: new("BR"), Company: new("ACME"), Segment: new("Gold"), LifetimeValue: &value}
		customer.Fold()
		response := &model.Response{Score: 8, RespondedAt: at, ContactRequested: true}
		response.CopyCustomer(customer)
		c := new(model.Case)
		c.CopyCustomer(customer)
		c.CopyResponse(response)
		if *c.Country != "BR" || *c.CompanyFold != "acme" || *c.SegmentFold != "gold" || !c.LifetimeValue.Equal(value) {
			t.Errorf("the customer's: %+v", c)
		}
		if *c.Score != 8 || *c.Category != model.Passive || !c.RespondedAt.Equal(at) || !*c.ContactRequested {
			t.Errorf("the response's: %+v", c)
		}
		if *response.Country != "BR" || *response.CompanyFold != "acme" || *response.SegmentFold != "gold" {
			t.Errorf("the response's of the customer's: %+v", response)
		}
	})
}
