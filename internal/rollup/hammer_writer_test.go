package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func (h *hammer) write(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		h.writing.RLock()
		err := h.change(r)
		h.writing.RUnlock()
		h.written.Add(1)
		if refused := new(fault.Error); err != nil && !errors.As(err, &refused) {
			h.T.Errorf("a writer failed: %v", err)
			return
		}
	}
}

// change makes one random change by the program's own calls, or by hand.
func (h *hammer) change(r *rand.Rand) error {
	ctx := h.T.Context()
	var about model.CustomerID
	var response model.ResponseID
	var topic model.ThemeID
	for from, into := range map[string]any{"customers WHERE erased_at IS NULL AND " + notLate + "id": &about, "responses WHERE " + notLate + "customer_id": &response, "themes WHERE deleted_at IS NULL": &topic} {
		_ = h.DB.Pool.QueryRow(ctx, "SELECT id FROM "+from+" ORDER BY random() LIMIT 1").Scan(into)
	}
	in, tagger := intake.New(h.Work), theme.NewTagger(h.Work)
	var err error
	switch r.IntN(20) {
	case 0, 1, 2:
		_, err = customer.New(h.Work).Update(ctx, h.Admin, customer.UpdateCustomerInput{CustomerID: about, Country: worktest.Given([]string{"BR", "DE", "FR"}[r.IntN(3)])})
	case 3:
		_, err = customer.New(h.Work).Update(ctx, h.Admin, customer.UpdateCustomerInput{CustomerID: about, Segment: worktest.Given([]string{"gold", "silver"}[r.IntN(2)])})
	case 4:
		if r.IntN(4) == 0 {
			_, err = privacy.New(h.DB, h.Work).EraseCustomer(ctx, h.Admin, privacy.EraseCustomerInput{CustomerID: about})
		}
	case 5, 6:
		_, err = tagger.TagResponse(ctx, h.Admin, theme.TagResponseInput{ResponseID: response, ThemeIDs: []model.ThemeID{topic}[:r.IntN(2)]})
	case 7:
		_, err = theme.New(h.Revisions, h.Queue, h.Now).Update(ctx, h.Admin, theme.UpdateThemeInput{ThemeID: topic,
			Keywords: graphql.OmittableOf([][]string{{"late"}, {"Strike"}}[r.IntN(2)]), ApplyToPast: true})
	case 8, 9:
		var args job.TagPast
		if h.DB.Pool.QueryRow(ctx, "SELECT theme_id, run FROM theme_runs WHERE finished_at IS NULL LIMIT 1").Scan(&args.ThemeID, &args.Run) == nil {
			_, err = tagger.TagPast(ctx, args)
		}
	case 10:
		themes := theme.New(h.Revisions, h.Queue, h.Now)
		if r.IntN(4) == 0 {
			_, err = themes.Delete(ctx, h.Admin, theme.DeleteThemeInput{ThemeID: topic})
		} else if h.Count("SELECT count(*) FROM themes WHERE deleted_at IS NULL") < 4 {
			_, err = themes.Create(ctx, h.Admin, theme.CreateThemeInput{Name: fmt.Sprint("theme ", r.Uint64()), Keywords: []string{"late"}, Effort: model.Easy, ApplyToPast: true})
		}
	case 11:
		var file strings.Builder
		file.WriteString("score,email,time,country,comment,driver\n")
		for range 20 {
			fmt.Fprintf(&file, "%d,c-%d@x.example,%s,DE,Strike,crew\n", r.IntN(11), r.IntN(40), moment(r).Format(time.RFC3339))
		}
		text := strings.NewReader(file.String())
		plan, failed := importer.Inspect(text, importer.Reading{Columns: importer.Columns{Drivers: "driver"}})
		if failed != nil {
			return failed
		}
		_, err = importer.Import(ctx, in, h.Admin, text, plan, importer.Options{Survey: "import"})
	case 12:
		err = h.inSavepoints(ctx, r)
	default:
		batch := make([]intake.Submission, 1+r.IntN(5))
		for i := range batch {
			at := moment(r)
			input := worktest.From(fmt.Sprint("c-", r.IntN(40)), r.IntN(11))
			input.RespondedAt, input.Comment = &at, new([]string{"They were late.", "Strike", "Fine"}[r.IntN(3)])
			input.Drivers = []string{"Crew", "Price", "Food"}[:r.IntN(4)]
			input.Customer.Country = worktest.Given([]string{"BR", "DE", "FR"}[r.IntN(3)])
			batch[i] = intake.Submission{SubmitResponseInput: input}
		}
		_, err = in.SubmitAll(ctx, h.Admin, batch, intake.SubmitOptions{})
	}
	return err
}

// moment is a time in the weeks around the ends and beginnings of daylight saving time, often near them.
func moment(r *rand.Rand) time.Time {
	at := []time.Time{time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC), time.Date(2025, 10, 4, 15, 30, 0, 0, time.UTC)}[r.IntN(2)]
	if r.IntN(3) == 0 {
		return at.Add(time.Duration(r.Int64N(int64(3*time.Hour))) - 90*time.Minute)
	}
	return at.Add(time.Duration(r.Int64N(int64(20*24*time.Hour))) - 10*24*time.Hour).Truncate(time.Microsecond)
}

// inSavepoints changes scores by hand, in savepoints, some of which it takes back, in a transaction that it may take back.
func (h *hammer) inSavepoints(ctx context.Context, r *rand.Rand) error {
	tx, err := h.DB.Pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for range 3 {
		inner, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		if err := rescore(ctx, inner, r, notLate+"customer_id"); err != nil {
			return err
		}
		end := inner.Commit
		if r.IntN(2) == 0 {
			end = inner.Rollback
		}
		if err := end(ctx); err != nil {
			return err
		}
	}
	if r.IntN(3) == 0 {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

// rescore changes the score, or the time, of one of some responses that nobody else is changing.
func rescore(ctx context.Context, tx pgx.Tx, r *rand.Rand, some string) error {
	set := "score = 10 - score"
	if r.IntN(3) == 0 {
		set = fmt.Sprintf("responded_at = responded_at - interval '%d hours'", r.IntN(72))
	}
	_, err := tx.Exec(ctx, "UPDATE responses SET "+set+" WHERE id = (SELECT id FROM responses WHERE "+some+" ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED)")
	return err
}

// notLate leaves out the customer whose responses change in transactions that commit late. Other writers must not wait for these:
// they commit only while nobody compares.
const notLate = "(SELECT c.id FROM customers c WHERE c.external_id = 'late') <> "

// commitLate changes responses in transactions that are open for long, so that younger ones commit, are counted and merged before.
func (h *hammer) commitLate(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		tx, err := h.DB.Pool.Begin(context.Background())
		if err == nil {
			err = rescore(context.Background(), tx, r, "customer_id = (SELECT id FROM customers WHERE external_id = 'late')")
		}
		if err == nil {
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
			h.writing.RLock()
			err = tx.Commit(context.Background())
			h.writing.RUnlock()
			h.late.Add(1)
		}
		if err != nil {
			h.T.Errorf("a transaction that commits late failed: %v", err)
			return
		}
	}
}
