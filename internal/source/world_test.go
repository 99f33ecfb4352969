package source_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

type world struct {
	*worktest.World
	sources *source.Sources
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: worktest.New(t)}
	w.sources = source.New(w.DB, w.Revisions, intake.New(w.Work), w.Now)
	return w
}

func TestPayloadsAreRemovedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.sources.Create(t.Context(), w.Admin, source.CreateSourceInput{Name: "shop", Tool: model.Qualtrics, Survey: "Shop"}); err != nil {
		t.Fatal(err)
	}
	to, err := w.sources.Named(t.Context(), "shop")
	if err != nil || to == nil {
		t.Fatal(to, err)
	}
	for _, body := range []string{`{"externalId": "r1", "score": 3}`, `{"score": "x"}`} {
		if _, err := w.sources.Deliver(t.Context(), w.Admin, to, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		later time.Duration
		left  int
	}{{0, 2}, {30*24*time.Hour - time.Second, 2}, {2 * time.Second, 0}} {
		w.Later(c.later)
		if err := w.sources.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all, payloads, errors int
		if err := w.DB.Pool.QueryRow(t.Context(), "SELECT count(*), count(payload), count(error) FROM source_deliveries").Scan(&all, &payloads, &errors); err != nil {
			t.Fatal(err)
		}
		if all != 2 || payloads != c.left || errors != c.left/2 {
			t.Errorf("%s later there are %d deliveries, %d payloads and %d errors", c.later, all, payloads, errors)
		}
	}
}
