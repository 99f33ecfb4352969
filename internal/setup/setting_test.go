package setup_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestWhatIsAbsentOfTheSettingsStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, step := range []struct {
		in   setup.UpdateSettingsInput
		want model.Settings
	}{
		{setup.UpdateSettingsInput{}, model.Settings{Currency: "EUR", TimeZone: "UTC"}},
		{setup.UpdateSettingsInput{Currency: worktest.Given("BRL")}, model.Settings{Currency: "BRL", TimeZone: "UTC"}},
		{setup.UpdateSettingsInput{TimeZone: worktest.Given("America/Sao_Paulo")}, model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo"}},
		{setup.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf([]string{"A@x.example", "b@x.example", "a@X.example"})},
			model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo", CentralAddresses: []string{"A@x.example", "b@x.example"}}},
		{setup.UpdateSettingsInput{ForcedStatusOrder: worktest.Given(true)},
			model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo", CentralAddresses: []string{"A@x.example", "b@x.example"}, ForcedStatusOrder: true}},
		{setup.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf[[]string](nil), ForcedStatusOrder: worktest.Given(false)},
			model.Settings{Currency: "BRL", TimeZone: "America/Sao_Paulo"}},
	} {
		out, err := w.setup.UpdateSettings(t.Context(), step.in)
		if err != nil {
			t.Fatal(err)
		}
		for where, s := range map[string]*model.Settings{"answered": out.Settings, "stored": w.settings()} {
			if s.Currency != step.want.Currency || s.TimeZone != step.want.TimeZone || !slices.Equal(s.CentralAddresses, step.want.CentralAddresses) ||
				s.ForcedStatusOrder != step.want.ForcedStatusOrder {
				t.Errorf("%s: %+v, not %+v", where, s, step.want)
			}
		}
	}
}

func TestWrongSettingsAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		argument string
		in       setup.UpdateSettingsInput
	}{
		"no currency":              {"input.currency", setup.UpdateSettingsInput{Currency: worktest.Null[string]()}},
		"a currency's sign":        {"input.currency", setup.UpdateSettingsInput{Currency: worktest.Given("€")}},
		"a currency in lower case": {"input.currency", setup.UpdateSettingsInput{Currency: worktest.Given("eur")}},
		"a currency of four":       {"input.currency", setup.UpdateSettingsInput{Currency: worktest.Given("EURO")}},
		"no zone":                  {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Null[string]()}},
		"an empty zone":            {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Given("")}},
		"whatever the server's is": {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Given("Local")}},
		"a zone of nowhere":        {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Given("Europe/Atlantis")}},
		"a path":                   {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Given("../UTC")}},
		"an offset":                {"input.timeZone", setup.UpdateSettingsInput{TimeZone: worktest.Given("+02:00")}},
		"too many addresses":       {"input.centralAddresses", setup.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf(make([]string, 101))}},
		"erasing at once":          {"input.eraseAfterDays", setup.UpdateSettingsInput{EraseAfterDays: worktest.Given(0)}},
		"erasing in a century":     {"input.eraseAfterDays", setup.UpdateSettingsInput{EraseAfterDays: worktest.Given(36_501)}},
		"neither forced nor free":  {"input.forcedStatusOrder", setup.UpdateSettingsInput{Currency: worktest.Given("BRL"), ForcedStatusOrder: worktest.Null[bool]()}},
	} {
		out, err := w.setup.UpdateSettings(t.Context(), c.in)
		worktest.Refused(t, name, err, fault.CodeBadUserInput, c.argument)
		if out != nil {
			t.Errorf("%s: answered %+v", name, out.Settings)
		}
	}
	if s := w.settings(); s.Currency != "EUR" || s.TimeZone != "UTC" || s.ForcedStatusOrder || len(s.CentralAddresses) > 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheRetentionTimeIsSetAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, in := range []graphql.Omittable[*int]{worktest.Given(730), worktest.Null[int]()} {
		out, err := w.setup.UpdateSettings(t.Context(), setup.UpdateSettingsInput{EraseAfterDays: in})
		if err != nil {
			t.Fatal(err)
		}
		want := in.Value()
		if kept := w.settings().EraseAfterDays; (kept == nil) != (want == nil) || (want != nil && *kept != *want) || (out.Settings.EraseAfterDays == nil) != (want == nil) {
			t.Errorf("%v is kept, not %v", kept, want)
		}
	}
}

func TestChangesOfDifferentSettingsAtOnceAreAllThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round := range 5 {
		currency, address := []string{"BRL", "USD"}[round%2], fmt.Sprintf("care-%d@x.example", round)
		inputs := []setup.UpdateSettingsInput{
			{Currency: worktest.Given(currency)}, {CentralAddresses: graphql.OmittableOf([]string{address})}, {ForcedStatusOrder: worktest.Given(round%2 == 0)},
		}
		worktest.AtOnce(len(inputs), func(i int) {
			if _, err := w.setup.UpdateSettings(t.Context(), inputs[i]); err != nil {
				t.Errorf("change %d: %v", i, err)
			}
		})
		if s := w.settings(); s.Currency != currency || !slices.Equal(s.CentralAddresses, []string{address}) || s.ForcedStatusOrder != (round%2 == 0) {
			t.Fatalf("one change undid another: %+v", s)
		}
	}
}

func (w *world) settings() *model.Settings {
	w.T.Helper()
	s := new(model.Settings)
	if err := w.DB.Gorm.Take(s).Error; err != nil {
		w.T.Fatal(err)
	}
	return s
}
