package theme_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func (w *world) theme(name string, keywords ...string) *model.Theme {
	w.T.Helper()
	out, err := w.themes.Create(w.T.Context(), w.Admin, theme.CreateThemeInput{Name: name, Keywords: keywords, Effort: model.Medium})
	if err != nil {
		w.T.Fatalf("create a theme: %v", err)
	}
	return out.Theme
}

func TestThemes(t *testing.T) {
	t.Parallel()
	t.Run("are created, updated and deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out, err := w.themes.Create(t.Context(), w.Admin, theme.CreateThemeInput{Name: " Wi-Fi ", Keywords: []string{" wifi", "WiFi", "wi fi", "internet*"}, Effort: model.Hard})
		if err != nil {
			t.Fatal(err)
		}
		for where, created := range map[string]*model.Theme{"returned": out.Theme, "stored": worktest.Read[model.Theme](w.T, w.DB, out.Theme.ID)} {
			if created.Name != "Wi-Fi" || created.NameFold != "wi-fi" || !slices.Equal(created.Keywords, []string{"wifi", "wi fi", "internet*"}) || created.Effort != model.Hard ||
				created.ResolvedAt != nil || created.DeletedAt != nil || !created.CreatedAt.Equal(worktest.Start) || !created.UpdatedAt.Equal(worktest.Start) {
				t.Errorf("the %s new theme is wrong: %+v", where, created)
			}
		}
		w.Time = worktest.Start.Add(time.Hour)
		fixed := worktest.Start.Add(time.Minute)
		changed, err := w.themes.Update(t.Context(), w.Admin, theme.UpdateThemeInput{ThemeID: out.Theme.ID, ResolvedAt: worktest.Given(fixed), Effort: worktest.Given(model.Easy)})
		if err != nil {
			t.Fatal(err)
		}
		for where, updated := range map[string]*model.Theme{"returned": changed.Theme, "stored": worktest.Read[model.Theme](w.T, w.DB, out.Theme.ID)} {
			if updated.Name != "Wi-Fi" || len(updated.Keywords) != 3 || updated.Effort != model.Easy || !updated.ResolvedAt.Equal(fixed) || !updated.UpdatedAt.Equal(w.Time) || !updated.CreatedAt.Equal(worktest.Start) {
				t.Errorf("the %s updated theme is wrong: %+v", where, updated)
			}
		}
		if _, err := w.themes.Update(t.Context(), w.Admin, theme.UpdateThemeInput{ThemeID: out.Theme.ID, ResolvedAt: worktest.Null[time.Time](), Name: worktest.Given("Internet"),
			Keywords: graphql.OmittableOf[[]string](nil)}); err != nil {
			t.Fatal(err)
		}
		if now := worktest.Read[model.Theme](w.T, w.DB, out.Theme.ID); now.ResolvedAt != nil || now.NameFold != "internet" || len(now.Keywords) != 0 {
			t.Errorf("want cleared fields and the name internet, got %+v", now)
		}
		deleted, err := w.themes.Delete(t.Context(), w.Admin, theme.DeleteThemeInput{ThemeID: out.Theme.ID})
		if err != nil || deleted.DeletedID != out.Theme.ID {
			t.Fatal(deleted, err)
		}
		if stored := worktest.Read[model.Theme](w.T, w.DB, out.Theme.ID); stored.DeletedAt == nil || !stored.DeletedAt.Equal(w.Time) {
			t.Errorf("deletedAt: want %v, got %+v", w.Time, stored)
		}
		w.theme("INTERNET") // the name of a deleted theme can be used again
	})

	t.Run("refuse bad input and change nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		food, deleted := w.theme("Food", "meal"), w.theme("Deleted")
		if _, err := w.themes.Delete(t.Context(), w.Admin, theme.DeleteThemeInput{ThemeID: deleted.ID}); err != nil {
			t.Fatal(err)
		}
		w.theme("Drinks")
		create := func(name string, keywords ...string) func() error {
			return func() error {
				_, err := w.themes.Create(t.Context(), w.Admin, theme.CreateThemeInput{Name: name, Keywords: keywords, Effort: model.Easy, ApplyToPast: true})
				return err
			}
		}
		update := func(in theme.UpdateThemeInput) func() error {
			return func() error {
				if in.ThemeID == (model.ThemeID{}) {
					in.ThemeID = food.ID
				}
				in.ApplyToPast = true
				_, err := w.themes.Update(t.Context(), w.Admin, in)
				return err
			}
		}
		before := w.Count("SELECT count(*) FROM themes")
		for name, c := range map[string]struct {
			do       func() error
			code     fault.Code
			argument string
		}{
			"no name":                   {create(" "), fault.CodeBadUserInput, "input.name"},
			"a name that is too long":   {create(strings.Repeat("x", 201)), fault.CodeBadUserInput, "input.name"},
			"a name that is in use":     {create("FOOD"), fault.CodeConflict, "input.name"},
			"a blank keyword":           {create("x", "a", " "), fault.CodeBadUserInput, "input.keywords[1]"},
			"only a star":               {create("x", "*"), fault.CodeBadUserInput, "input.keywords[0]"},
			"a star inside a word":      {create("x", "a*b"), fault.CodeBadUserInput, "input.keywords[0]"},
			"a NUL":                     {create("x", "a\x00b"), fault.CodeBadUserInput, "input.keywords[0]"},
			"too many keywords":         {create("x", make([]string, 201)...), fault.CodeBadUserInput, "input.keywords"},
			"an unknown theme":          {update(theme.UpdateThemeInput{ThemeID: model.ThemeID{UUID: model.NewUUID()}}), fault.CodeNotFound, "input.themeId"},
			"a deleted theme":           {update(theme.UpdateThemeInput{ThemeID: deleted.ID}), fault.CodeNotFound, "input.themeId"},
			"a null name":               {update(theme.UpdateThemeInput{Name: worktest.Null[string]()}), fault.CodeBadUserInput, "input.name"},
			"a null effort":             {update(theme.UpdateThemeInput{Effort: worktest.Null[model.Effort]()}), fault.CodeBadUserInput, "input.effort"},
			"the name of another theme": {update(theme.UpdateThemeInput{Name: worktest.Given("drinks")}), fault.CodeConflict, "input.name"},
			"resolved in the future":    {update(theme.UpdateThemeInput{ResolvedAt: worktest.Given(worktest.Start.Add(time.Second))}), fault.CodeBadUserInput, "input.resolvedAt"},
			"a theme that is already deleted": {func() error {
				_, err := w.themes.Delete(t.Context(), w.Admin, theme.DeleteThemeInput{ThemeID: deleted.ID})
				return err
			}, fault.CodeNotFound, "input.themeId"},
			"a keyword of eleven words": {update(theme.UpdateThemeInput{Keywords: graphql.OmittableOf([]string{"a b c d e f g h i j k"})}), fault.CodeBadUserInput, "input.keywords[0]"},
		} {
			worktest.Refused(t, name, c.do(), c.code, c.argument)
		}
		if after := w.Count("SELECT count(*) FROM themes"); after != before {
			t.Errorf("themes: want %d, got %d", before, after)
		}
		if now := worktest.Read[model.Theme](w.T, w.DB, food.ID); now.Name != "Food" || !slices.Equal(now.Keywords, []string{"meal"}) {
			t.Errorf("want the theme unchanged, got %+v", now)
		}
		if n := w.Count("SELECT count(*) FROM river_job") + w.Count("SELECT count(*) FROM theme_runs"); n != 0 {
			t.Errorf("jobs and runs of rejected writes: want 0, got %d", n)
		}
	})

	t.Run("take one of two with the same name at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var created atomic.Int32
		worktest.AtOnce(6, func(i int) {
			_, err := w.themes.Create(t.Context(), w.Admin, theme.CreateThemeInput{Name: []string{"Food", "FOOD"}[i%2], Effort: model.Easy})
			if err == nil {
				created.Add(1)
				return
			}
			worktest.Refused(t, "the second", err, fault.CodeConflict, "input.name")
		})
		if created.Load() != 1 {
			t.Errorf("created themes: want 1, got %d", created.Load())
		}
	})

	t.Run("queue a run over the past, and restart it on request", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out, err := w.themes.Create(t.Context(), w.Admin, theme.CreateThemeInput{Name: "Food", Keywords: []string{"meal"}, Effort: model.Easy, ApplyToPast: true})
		if err != nil {
			t.Fatal(err)
		}
		first := w.run(out.Theme.ID)
		if first.Done != 0 || first.Total != nil || first.FinishedAt != nil || !first.StartedAt.Equal(worktest.Start) {
			t.Errorf("want a new run, got %+v", first)
		}
		w.Must("UPDATE theme_runs SET done = 7, total = 9, finished_at = now()")
		if _, err := w.themes.Update(t.Context(), w.Admin, theme.UpdateThemeInput{ThemeID: out.Theme.ID, ApplyToPast: true}); err != nil {
			t.Fatal(err)
		}
		if second := w.run(out.Theme.ID); second.Run == first.Run || second.Done != 0 || second.Total != nil || second.FinishedAt != nil {
			t.Errorf("want another new run, got %+v", second)
		}
		if n := w.Count("SELECT count(*) FROM river_job WHERE kind = 'tag_past' AND queue = 'themes'"); n != 2 {
			t.Errorf("jobs: want 2, got %d", n)
		}
		if _, err := w.themes.Update(t.Context(), w.Admin, theme.UpdateThemeInput{ThemeID: out.Theme.ID}); err != nil || w.Count("SELECT count(*) FROM river_job") != 2 {
			t.Errorf("an update without applyToPast: want no further job, got %d jobs, %v", w.Count("SELECT count(*) FROM river_job"), err)
		}
	})

	// A response that is submitted while the theme is created is either tagged as it is saved, or committed before the theme.
	t.Run("miss no response between a new theme and its run over the past", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		gate := w.Gate.Hold(`INSERT INTO "responses"`) // its transaction has read the keywords
		submitted := make(chan error, 1)
		go func() {
			_, err := intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 3, Comment: new("the meal")})
			submitted <- err
		}()
		<-gate.Reached
		created := make(chan struct{})
		go func() {
			defer close(created)
			w.theme("Food", "meal")
		}()
		if !w.Waits(created) {
			t.Error("want the new theme to wait for the response's transaction")
		}
		close(gate.Open)
		if err := <-submitted; err != nil {
			t.Fatal(err)
		}
		<-created
	})

	t.Run("are for managers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		food := w.theme("Food", "meal")
		agent, manager := w.Viewer(model.Agent), w.Viewer(model.Manager)
		for name, write := range map[string]func(auth.Viewer) error{
			"Create": func(v auth.Viewer) error {
				_, err := w.themes.Create(t.Context(), v, theme.CreateThemeInput{Name: "Drinks", Effort: model.Easy})
				return err
			},
			"Update": func(v auth.Viewer) error {
				_, err := w.themes.Update(t.Context(), v, theme.UpdateThemeInput{ThemeID: food.ID, Name: worktest.Given("Meals")})
				return err
			},
			"Delete": func(v auth.Viewer) error {
				_, err := w.themes.Delete(t.Context(), v, theme.DeleteThemeInput{ThemeID: food.ID})
				return err
			},
		} {
			worktest.Refused(t, name+" by an agent", write(agent), fault.CodeForbidden, "")
			worktest.Refused(t, name+" without a user", write(auth.Viewer{}), fault.CodeUnauthenticated, "")
		}
		if now := worktest.Read[model.Theme](t, w.DB, food.ID); now.Name != "Food" || now.DeletedAt != nil || w.Count("SELECT count(*) FROM themes") != 1 {
			t.Errorf("a rejected write changed the themes: %+v", now)
		}
		if _, err := w.themes.Delete(t.Context(), manager, theme.DeleteThemeInput{ThemeID: food.ID}); err != nil {
			t.Errorf("by a manager: %v", err)
		}
	})
}

func (w *world) run(id model.ThemeID) (r model.ThemeRun) {
	w.T.Helper()
	if err := w.DB.Gorm.Where("theme_id = ?", id).Take(&r).Error; err != nil {
		w.T.Fatal(err)
	}
	return r
}
