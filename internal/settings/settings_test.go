package settings_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

type world struct {
	*worktest.World
	settings *settings.Settings
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := worktest.New(t)
	return &world{w, settings.New(w.Revisions)}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("keeps an absent field", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, step := range []struct {
			in   settings.UpdateSettingsInput
			want model.Settings
		}{
			{settings.UpdateSettingsInput{}, model.Settings{Currency: "EUR", TimeZone: "UTC"}},
			{settings.UpdateSettingsInput{Currency: worktest.Given("BRL")}, model.Settings{Currency: "BRL", TimeZone: "UTC"}},
			{settings.UpdateSettingsInput{TimeZone: worktest.Given("America/Sao_Paulo")}, model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo"}},
			{settings.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf([]string{"A@x.example", "b@x.example", "a@X.example"})},
				model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo", CentralAddresses: []string{"A@x.example", "b@x.example"}}},
			{settings.UpdateSettingsInput{ForcedStatusOrder: worktest.Given(true)},
				model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo", CentralAddresses: []string{"A@x.example", "b@x.example"}, ForcedStatusOrder: true}},
			{settings.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf[[]string](nil), ForcedStatusOrder: worktest.Given(false)},
				model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo"}},
		} {
			out, err := w.settings.Update(t.Context(), w.Admin, step.in)
			if err != nil {
				t.Fatal(err)
			}
			for where, s := range map[string]*model.Settings{"answered": out.Settings, "stored": w.stored()} {
				if s.Currency != step.want.Currency || s.TimeZone != step.want.TimeZone || !slices.Equal(s.CentralAddresses, step.want.CentralAddresses) ||
					s.ForcedStatusOrder != step.want.ForcedStatusOrder {
					t.Errorf("%s: %+v, want %+v", where, s, step.want)
				}
			}
		}
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, c := range map[string]struct {
			argument string
			in       settings.UpdateSettingsInput
		}{
			"no currency":              {"input.currency", settings.UpdateSettingsInput{Currency: worktest.Null[string]()}},
			"a currency symbol":        {"input.currency", settings.UpdateSettingsInput{Currency: worktest.Given("€")}},
			"a currency in lower case": {"input.currency", settings.UpdateSettingsInput{Currency: worktest.Given("eur")}},
			"four letters":             {"input.currency", settings.UpdateSettingsInput{Currency: worktest.Given("EURO")}},
			"null for the zone":        {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Null[string]()}},
			"an empty zone":            {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Given("")}},
			"the server's zone":        {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Given("Local")}},
			"an unknown zone":          {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Given("Europe/Atlantis")}},
			"a path":                   {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Given("../UTC")}},
			"an offset":                {"input.timeZone", settings.UpdateSettingsInput{TimeZone: worktest.Given("+02:00")}},
			"too many addresses":       {"input.centralAddresses", settings.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf(make([]string, 101))}},
			"zero days":                {"input.eraseAfterDays", settings.UpdateSettingsInput{EraseAfterDays: worktest.Given(0)}},
			"more than a century":      {"input.eraseAfterDays", settings.UpdateSettingsInput{EraseAfterDays: worktest.Given(36_501)}},
			"null for the order":       {"input.forcedStatusOrder", settings.UpdateSettingsInput{Currency: worktest.Given("BRL"), ForcedStatusOrder: worktest.Null[bool]()}},
		} {
			out, err := w.settings.Update(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, fault.CodeBadUserInput, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out.Settings)
			}
		}
		if s := w.stored(); s.Currency != "EUR" || s.TimeZone != "UTC" || s.ForcedStatusOrder || len(s.CentralAddresses) > 0 {
			t.Errorf("%+v", s)
		}
	})

	t.Run("sets and clears the retention time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, in := range []graphql.Omittable[*int]{worktest.Given(730), worktest.Null[int]()} {
			out, err := w.settings.Update(t.Context(), w.Admin, settings.UpdateSettingsInput{EraseAfterDays: in})
			if err != nil {
				t.Fatal(err)
			}
			want := in.Value()
			if kept := w.stored().EraseAfterDays; (kept == nil) != (want == nil) || (want != nil && *kept != *want) || (out.Settings.EraseAfterDays == nil) != (want == nil) {
				t.Errorf("%v is stored, want %v", kept, want)
			}
		}
	})

	t.Run("keeps changes of different fields at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for round := range 5 {
			currency, address := []string{"BRL", "USD"}[round%2], fmt.Sprintf("care-%d@x.example", round)
			inputs := []settings.UpdateSettingsInput{
				{Currency: worktest.Given(currency)}, {CentralAddresses: graphql.OmittableOf([]string{address})}, {ForcedStatusOrder: worktest.Given(round%2 == 0)},
			}
			worktest.AtOnce(len(inputs), func(i int) {
				if _, err := w.settings.Update(t.Context(), w.Admin, inputs[i]); err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			})
			if s := w.stored(); s.Currency != currency || !slices.Equal(s.CentralAddresses, []string{address}) || s.ForcedStatusOrder != (round%2 == 0) {
				t.Fatalf("one change undid another: %+v", s)
			}
		}
	})

	t.Run("refuses callers who are not administrators", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := settings.UpdateSettingsInput{Currency: worktest.Given("BRL")}
		_, err := w.settings.Update(t.Context(), w.Viewer(model.Manager), in)
		worktest.Refused(t, "by a manager", err, fault.CodeForbidden, "")
		_, err = w.settings.Update(t.Context(), auth.Viewer{}, in)
		worktest.Refused(t, "by nobody", err, fault.CodeUnauthenticated, "")
		if s := w.stored(); s.Currency != "EUR" {
			t.Errorf("a refused write changed the settings: %+v", s)
		}
	})
}

func (w *world) stored() *model.Settings {
	w.T.Helper()
	s := new(model.Settings)
	if err := w.DB.Gorm.Take(s).Error; err != nil {
		w.T.Fatal(err)
	}
	return s
}
