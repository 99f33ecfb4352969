package theme_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// tagsOf returns the names of the response's themes in alphabetical order.
func (w *world) tagsOf(id model.ResponseID) string {
	w.T.Helper()
	var names []string
	err := w.DB.Gorm.Raw("SELECT t.name FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = ? ORDER BY 1", id).Scan(&names).Error
	if err != nil {
		w.T.Fatal(err)
	}
	return strings.Join(names, " ")
}

func (w *world) tag(id model.ResponseID, themes ...*model.Theme) {
	w.T.Helper()
	ids := []model.ThemeID{}
	for _, t := range themes {
		ids = append(ids, t.ID)
	}
	if _, err := theme.NewTagger(w.Work).TagResponse(w.T.Context(), w.Agent, theme.TagResponseInput{ResponseID: id, ThemeIDs: ids}); err != nil {
		w.T.Fatal(err)
	}
}

// applyToPast applies a theme's keywords to all past responses, and returns the number of batches.
func (w *world) applyToPast(t *model.Theme) (batches int) {
	w.T.Helper()
	args := w.begin(t)
	for {
		more, err := theme.NewTagger(w.Work).TagPast(w.T.Context(), args)
		if err != nil {
			w.T.Fatal(err)
		}
		batches++
		if !more {
			return batches
		}
	}
}

func (w *world) begin(t *model.Theme) job.TagPast {
	w.T.Helper()
	err := w.DB.Tx(w.T.Context(), func(tx *gorm.DB) error { return w.themes.BeginTagging(w.T.Context(), tx, t.ID) })
	if err != nil {
		w.T.Fatal(err)
	}
	var run model.ThemeRun
	if err := w.DB.Gorm.Where("theme_id = ?", t.ID).Take(&run).Error; err != nil {
		w.T.Fatal(err)
	}
	return job.TagPast{ThemeID: t.ID, Run: run.Run}
}

func commented(score int, comment string) intake.SubmitResponseInput {
	return intake.SubmitResponseInput{Score: score, Comment: &comment}
}

func TestTagging(t *testing.T) {
	t.Parallel()
	t.Run("comes before the rules are matched", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		food, crew := w.Theme("Food", "meal*", "hot drinks"), w.Theme("Crew", "crew", "staff")
		w.Theme("By hand")
		deleted := w.Theme("Deleted", "crew")
		w.Must("UPDATE themes SET deleted_at = now() WHERE id = $1", deleted.ID)
		rule := w.Rule("crew", func(r *model.Rule) {
			r.Filter = json.RawMessage(`{"themes": {"any": ["` + crew.ID.String() + `"]}}`)
		})
		tagged := w.Submit(commented(3, "The CREW was rude; meals were cold."))
		if tags := w.tagsOf(tagged.Response.ID); tags != "Crew Food" {
			t.Errorf("themes: want Crew Food, got %s", tags)
		}
		if tagged.Case == nil {
			t.Fatal("want a case by the rule for the theme, got none")
		}
		event := w.Events(tagged.Case.ID)[0]
		var snapshot model.Snapshot
		if err := json.Unmarshal(event.Snapshot, &snapshot); err != nil {
			t.Fatal(err)
		}
		if *event.RuleID != rule.ID || len(snapshot.Themes) != 2 || snapshot.Themes[0].ID != crew.ID || snapshot.Themes[1].ID != food.ID || snapshot.Themes[0].Effort != model.Medium {
			t.Errorf("want rule %v and themes Crew and Food in the event, got rule %v and %+v", rule.ID, *event.RuleID, snapshot.Themes)
		}
		for name, in := range map[string]intake.SubmitResponseInput{"about something else": commented(3, "Hot, and no drinks"), "without a comment": {Score: 3}} {
			if out := w.Submit(in); out.Case != nil || w.tagsOf(out.Response.ID) != "" {
				t.Errorf("a response %s: want no theme and no case, got %+v", name, out)
			}
		}
		w.CheckLog(tagged.Case.ID)
	})

	t.Run("keeps a given testimonial likelihood, else estimates it", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		given := commented(10, "Great!")
		given.TestimonialLikelihood = new(0.25)
		for name, c := range map[string]struct {
			in        intake.SubmitResponseInput
			want      *float64
			estimated bool
		}{
			"given":             {given, new(0.25), false},
			"estimated":         {commented(10, "Great, great, excellent"), new(0.28), true}, // ½ × 1 × (3/25 + 1) / 2
			"without a comment": {intake.SubmitResponseInput{Score: 10}, nil, false},
		} {
			out := w.Submit(c.in).Response
			for where, r := range map[string]*model.Response{"returned": out, "stored": worktest.Read[model.Response](w.T, w.DB, out.ID)} {
				if !worktest.Same(r.TestimonialLikelihood, c.want) || r.TestimonialEstimated != c.estimated {
					t.Errorf("%s, %s: want %v, got %+v", name, where, c.want, r)
				}
			}
		}
		// The responses look as if they were stored before estimates were introduced.
		w.Must("UPDATE responses SET testimonial_likelihood = NULL, testimonial_estimated = false WHERE testimonial_estimated")
		if more, err := theme.NewTagger(w.Work).EstimatePast(t.Context()); more || err != nil {
			t.Fatal(more, err)
		}
		if n := w.Count("SELECT count(*) FROM responses WHERE testimonial_likelihood = 0.28 AND testimonial_estimated"); n != 1 {
			t.Errorf("estimated past responses: want 1, got %d", n)
		}
		if n := w.Count("SELECT count(*) FROM responses WHERE testimonial_likelihood = 0.25 AND NOT testimonial_estimated"); n != 1 {
			t.Errorf("responses with the given likelihood: want 1, got %d", n)
		}
	})
}

func TestTagResponse(t *testing.T) {
	t.Parallel()
	t.Run("replaces all themes and records an event on the case", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		w.Rule("all", nil)
		food, crew, price := w.Theme("Food", "food"), w.Theme("Crew"), w.Theme("Price")
		in := w.Submit(commented(3, "Bad food."))
		w.Later(time.Minute)
		w.tag(in.Response.ID, price, crew)
		if tags := w.tagsOf(in.Response.ID); tags != "Crew Price" {
			t.Errorf("themes: want Crew Price, got %s", tags)
		}
		events := w.Events(in.Case.ID)
		e := events[1]
		if len(events) != 2 || e.Type != model.EventDetailsChanged || *e.ActorID != w.Agent.User.ID || !slices.Equal(e.Changed, []string{"themes"}) || !e.At.Equal(w.Now()) {
			t.Fatalf("want a second event DETAILS_CHANGED of themes by %v, got %d events and %+v", w.Agent.User.ID, len(events), e)
		}
		names := func(raw json.RawMessage) (names string) {
			var s model.Snapshot
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			for _, t := range s.Themes {
				names += t.Name + " "
			}
			return names
		}
		if was, are := names(e.Before), names(e.Snapshot); was != "Food " || are != "Crew Price " {
			t.Errorf("snapshots: want themes Food before and Crew Price after, got %q and %q", was, are)
		}
		w.CheckLog(in.Case.ID)

		w.Later(time.Minute)
		w.tag(in.Response.ID, crew, price) // the same themes: no event
		if n := len(w.Events(in.Case.ID)); n != 2 {
			t.Errorf("events: want 2, got %d", n)
		}
		// Keywords do not change themes that were set by hand.
		w.Must(`UPDATE themes SET keywords = '["bad food"]'`)
		for _, theme := range []*model.Theme{food, crew, price} {
			w.applyToPast(theme)
		}
		if tags := w.tagsOf(in.Response.ID); tags != "Crew Price" {
			t.Errorf("themes after applying keywords: want Crew Price, got %s", tags)
		}
		w.tag(in.Response.ID, food)
		w.Must(`UPDATE themes SET keywords = '["nothing"]'`)
		w.applyToPast(food)
		if tags := w.tagsOf(in.Response.ID); tags != "Food" {
			t.Errorf("themes after applying keywords: want Food, got %s", tags)
		}
		w.tag(in.Response.ID)
		if tags := w.tagsOf(in.Response.ID); tags != "" {
			t.Errorf("themes: want none, got %s", tags)
		}
		w.CheckLog(in.Case.ID)
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		food, deleted := w.Theme("Food"), w.Theme("Deleted")
		w.Must("UPDATE themes SET deleted_at = now() WHERE id = $1", deleted.ID)
		id := w.Submit(commented(3, "x")).Response.ID
		for name, c := range map[string]struct {
			in       theme.TagResponseInput
			code     fault.Code
			argument string
		}{
			"an unknown response": {theme.TagResponseInput{ResponseID: model.ResponseID{UUID: model.NewUUID()}}, fault.CodeNotFound, "input.responseId"},
			"an unknown theme":    {theme.TagResponseInput{ResponseID: id, ThemeIDs: []model.ThemeID{food.ID, {UUID: model.NewUUID()}}}, fault.CodeNotFound, "input.themeIds[1]"},
			"a deleted theme":     {theme.TagResponseInput{ResponseID: id, ThemeIDs: []model.ThemeID{deleted.ID}}, fault.CodeNotFound, "input.themeIds[0]"},
			"a theme twice":       {theme.TagResponseInput{ResponseID: id, ThemeIDs: []model.ThemeID{food.ID, food.ID}}, fault.CodeBadUserInput, "input.themeIds[1]"},
			"too many themes":     {theme.TagResponseInput{ResponseID: id, ThemeIDs: make([]model.ThemeID, 101)}, fault.CodeBadUserInput, "input.themeIds"},
		} {
			out, err := theme.NewTagger(w.Work).TagResponse(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: want no payload, got %+v", name, out)
			}
		}
		w.Counts(map[string]int{"response_themes": 0, "response_theme_removals": 0})
	})

	t.Run("keeps all themes of the last of two calls at once", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		w.Rule("all", nil)
		a, b, c := w.Theme("A"), w.Theme("B"), w.Theme("C")
		in := w.Submit(commented(3, "x"))
		worktest.AtOnce(8, func(i int) {
			sets := [][]model.ThemeID{{a.ID, b.ID}, {c.ID}}
			if _, err := theme.NewTagger(w.Work).TagResponse(t.Context(), w.Agent, theme.TagResponseInput{ResponseID: in.Response.ID, ThemeIDs: sets[i%2]}); err != nil {
				t.Error(err)
			}
		})
		if tags := w.tagsOf(in.Response.ID); tags != "A B" && tags != "C" {
			t.Errorf("themes: want A B or C, got %s", tags)
		}
		w.CheckLog(in.Case.ID)
		if w.Deadlocks.Load() > 0 {
			t.Errorf("deadlocks: want 0, got %d", w.Deadlocks.Load())
		}
	})
}

func TestTagPast(t *testing.T) {
	t.Parallel()
	t.Run("works in batches and continues where it stopped", func(t *testing.T) {
		t.Parallel()
		w := newAgentWorld(t)
		w.Rule("sevens", func(r *model.Rule) { r.Scores = []int{7} })
		var batch []intake.Submission
		for i := range 1200 {
			in := commented(9, "Fine seats")
			if i%3 == 0 {
				in.Comment = new("A delay again")
			}
			if i == 600 {
				in.Score = 7
			}
			batch = append(batch, intake.Submission{SubmitResponseInput: in})
		}
		outcomes := w.SubmitAll(intake.SubmitOptions{}, batch...)
		delay := w.Theme("Delay", "delay*")
		args := w.begin(delay)
		if more, err := theme.NewTagger(w.Work).TagPast(t.Context(), args); !more || err != nil {
			t.Fatal(more, err)
		}
		run := func() (r model.ThemeRun) {
			if err := w.DB.Gorm.Where("theme_id = ?", delay.ID).Take(&r).Error; err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := run(); r.Done != 500 || *r.Total != 1200 || r.FinishedAt != nil {
			t.Errorf("after a batch: want 500 of 1200 done, got %+v", r)
		}
		// Two servers work at the same time; each batch is done once.
		worktest.AtOnce(2, func(int) {
			for more := true; more; {
				var err error
				if more, err = theme.NewTagger(w.Work).TagPast(t.Context(), args); err != nil {
					t.Error(err)
				}
			}
		})
		if r := run(); r.Done != 1200 || r.FinishedAt == nil || !r.FinishedAt.Equal(w.Now()) {
			t.Errorf("at the end: want 1200 done and finished at %v, got %+v", w.Now(), r)
		}
		if n := w.Count("SELECT count(*) FROM response_themes WHERE theme_id = $1 AND NOT by_hand", delay.ID); n != 400 {
			t.Errorf("tagged responses: want 400, got %d", n)
		}
		events := w.Events(outcomes[600].Case.ID)
		if len(events) != 2 || events[1].Type != model.EventDetailsChanged || events[1].ActorID != nil {
			t.Errorf("events of a tagged response's case: want 2, the last DETAILS_CHANGED without an actor; got %+v", events)
		}
		w.CheckLog(outcomes[600].Case.ID)

		// Responses that the new keywords do not match lose the tag. A job of the earlier run does nothing.
		w.Must(`UPDATE themes SET keywords = '["seats"]'`)
		w.tag(outcomes[0].Response.ID, delay)
		if batches := w.applyToPast(delay); batches != 3 {
			t.Errorf("batches: want 3, got %d", batches)
		}
		if more, err := theme.NewTagger(w.Work).TagPast(t.Context(), args); more || err != nil {
			t.Errorf("a job of an earlier run: want false, got %v, %v", more, err)
		}
		if n := w.Count("SELECT count(*) FROM response_themes WHERE theme_id = $1", delay.ID); n != 801 {
			t.Errorf("tagged responses: want 800 by keywords and 1 by hand, got %d", n)
		}
		w.Must("UPDATE themes SET deleted_at = now()")
		if batches := w.applyToPast(delay); batches != 1 || run().FinishedAt == nil {
			t.Errorf("run of a deleted theme: want it finished after 1 batch, got %d batches, %+v", batches, run())
		}
	})
}
