package filter_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	t.Run("mine selects the viewer's cases", func(t *testing.T) {
		t.Parallel()
		f, err := read(t, `{"mine": true}`)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(subject(), ann) || f.Match(subject(), bob) || f.Match(subject(), nobody) || f.Match(bare(), model.UserID{}) {
			t.Error("mine does not select exactly the viewer's case")
		}
	})

	t.Run("overdue begins a microsecond after the target", func(t *testing.T) {
		t.Parallel()
		f, err := read(t, `{"overdue": true}`)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			change func(*filter.Subject)
			want   bool
		}{
			{"at its target", func(s *filter.Subject) { s.Now = *s.Case.DueAt }, false},
			{"999 nanoseconds later", func(s *filter.Subject) { s.Now = s.Case.DueAt.Add(999) }, false},
			{"a microsecond later", func(s *filter.Subject) { s.Now = s.Case.DueAt.Add(time.Microsecond) }, true},
			{"followed up", func(s *filter.Subject) { s.Now, s.Case.FirstFollowUpAt = now.Add(48*time.Hour), &now }, false},
			{"closed", func(s *filter.Subject) { s.Now, s.Case.Status = now.Add(48*time.Hour), model.Closed }, false},
		} {
			s := subject()
			c.change(s)
			if got := f.Match(s, ann); got != c.want {
				t.Errorf("%s: %t", c.name, got)
			}
		}
	})

	t.Run("a nil filter matches everything", func(t *testing.T) {
		t.Parallel()
		var none *filter.Case
		if !none.Match(bare(), ann) || sql(none) != "true" || !new(filter.Case).Match(bare(), ann) || sql(new(filter.Case)) != "true" || none.Raw() != nil {
			t.Error("a nil or zero case filter does not match everything")
		}
		var response *filter.Response
		if !response.Match(bare()) || response.Where(now).(clause.Expr).SQL != "true" || response.Raw() != nil {
			t.Error("a nil response filter does not match everything")
		}
		if new(filter.Customer).Where(now).(clause.Expr).SQL != "true" || (*filter.Customer)(nil).Where(now).(clause.Expr).SQL != "true" {
			t.Error("a nil or zero customer filter does not match everything")
		}
		if (*filter.Time)(nil).Where("x", now).(clause.Expr).SQL != "true" {
			t.Error("a nil time filter does not match everything")
		}
	})
}

func TestTimeWritesTheSQLOfACaseField(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{"gte": "2026-03-01T09:30:00Z", "lt": "2026-03-01T10:30:00Z"}`, `{"withinLast": "PT1H"}`, `{"withinNext": "P2D"}`, `{"isNull": true}`,
	} {
		f, err := read(t, `{"openedAt": `+text+`}`)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := filter.Decode(json.RawMessage(text))
		alone := new(filter.Time)
		if err := alone.UnmarshalGQL(v); err != nil {
			t.Fatal(err)
		}
		want, got := f.Where(ann, now), alone.Where("cases.opened_at", now)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %v; want %v", text, got, want)
		}
	}
}
