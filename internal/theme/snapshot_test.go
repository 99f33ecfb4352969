package theme_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	// The feed evaluates filters on the snapshots in the log alone, so each snapshot contains the response's themes.
	t.Run("carries the response's themes", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		response := w.Submit(intake.SubmitResponseInput{Score: 3}).Response
		for _, theme := range []model.Theme{
			{Name: "Seats", Effort: model.Hard, ResolvedAt: new(worktest.Start.Add(123456 * time.Microsecond))}, {Name: "Crew", Effort: model.Easy},
			{Name: "Deleted", Effort: model.Medium, DeletedAt: &worktest.Start}, {Name: "Other", Effort: model.Easy},
		} {
			theme.ID, theme.NameFold, theme.Keywords = model.ThemeID{UUID: model.NewUUID()}, model.Fold(theme.Name), model.Strings{}
			theme.CreatedAt, theme.UpdatedAt = worktest.Start, worktest.Start
			w.Create(&theme)
			if theme.Name != "Other" {
				w.Create(&model.Tag{ResponseID: response.ID, ThemeID: theme.ID})
			}
		}
		out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "They called."})
		if err != nil {
			t.Fatal(err)
		}
		w.Later(time.Minute)
		w.Move(out.Case.ID, model.InProgress)
		if _, err := w.Work.RecordReply(t.Context(), w.Agent, casework.RecordReplyInput{CaseID: out.Case.ID}); err != nil {
			t.Fatal(err)
		}
		for _, e := range w.Events(out.Case.ID) {
			then := worktest.Decoded(t, e.Snapshot, nil)
			if len(then.Themes) != 2 || then.Themes[0].Name != "Crew" || then.Themes[0].Effort != model.Easy || then.Themes[1].Name != "Seats" ||
				then.Themes[1].Effort != model.Hard || !then.Themes[1].ResolvedAt.Equal(worktest.Start.Add(123456*time.Microsecond)) {
				t.Errorf("%s: want themes Crew and Seats in the snapshot, got %+v", e.Type, then.Themes)
			}
			if strings.Contains(string(e.Before), "themes") {
				t.Errorf("%s: want no change of themes, got %s", e.Type, e.Before)
			}
		}
		w.CheckCopies()
	})

	t.Run("refuses a text that is too long for its index", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		wide := strings.Repeat("ᾷ", 500) // three bytes, or six when folded
		for argument, in := range map[string]intake.SubmitResponseInput{
			"input.survey":            {Survey: &wide},
			"input.customer.lastName": {Customer: &customer.CustomerInput{LastName: worktest.Given(wide)}},
			"input.drivers[0]":        {Drivers: []string{wide}},
		} {
			_, err := intake.New(w.Work).Submit(t.Context(), w.Agent, in)
			worktest.Refused(t, argument, err, fault.CodeBadUserInput, argument)
		}
		// The longest text that is accepted: different letters of four bytes each, so that PostgreSQL cannot compress the text.
		letters := make([]rune, 500)
		for i := range letters {
			letters[i] = 0x20000 + rune(i*7919%40000)
		}
		long := string(letters)
		w.Submit(intake.SubmitResponseInput{
			ExternalID: &long, Survey: &long, Drivers: []string{long},
			Customer: &customer.CustomerInput{ExternalID: &long, FirstName: worktest.Given(long), LastName: worktest.Given(long), Company: worktest.Given(long), Segment: worktest.Given(long), Phone: worktest.Given(long)},
		})
		w.CheckCopies()
	})
}
