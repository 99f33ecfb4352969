package filter

import (
	"time"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Span is the range of time that a filter allows: from From on, before To. A nil end is open.
type Span struct {
	From, To *time.Time
}

// Bounded reports whether at least one end is set.
func (s Span) Bounded() bool { return s.From != nil || s.To != nil }

// Opened is the range that the filter allows for openedAt, on the top level or in an `and`. Conditions below `or` and
// `not` are ignored: they bound nothing for sure.
func (f *Case) Opened(now time.Time) Span {
	if f == nil {
		return Span{}
	}
	return f.span("openedAt", now)
}

// Responded is the range that the filter allows for respondedAt, on the top level or in an `and`.
func (f *Response) Responded(now time.Time) Span {
	if f == nil {
		return Span{}
	}
	return f.span("respondedAt", now)
}

// WithoutResponded is the filter without the bounds that make up Responded: a response matches the filter if it matches that
// one, and was given in the range.
func (f *Response) WithoutResponded() (*Response, error) {
	if f == nil || f.raw == nil {
		return f, nil
	}
	v, err := Decode(f.raw)
	if err != nil {
		return nil, err
	}
	removeBounds(v, "respondedAt")
	out := new(Response)
	return out, out.UnmarshalGQL(v)
}

// removeBounds removes what narrow reads.
func removeBounds(v any, field string) {
	object, _ := v.(map[string]any)
	if all := object["and"]; all != nil {
		for _, part := range listOf(all) {
			removeBounds(part, field)
		}
	}
	operators, _ := object[field].(map[string]any)
	for _, bound := range []string{"gte", "lt", "withinLast", "withinNext"} {
		delete(operators, bound)
	}
	if operators != nil && len(operators) == 0 {
		delete(object, field)
	}
}

func (t *tree) span(field string, now time.Time) (s Span) {
	if t.raw == nil {
		return s
	}
	v, err := Decode(t.raw) // cannot fail: raw is a parsed filter
	if err == nil {
		s.narrow(v, field, pg.Timestamp(now))
	}
	return s
}

func (s *Span) narrow(v any, field string, now time.Time) {
	object, _ := v.(map[string]any)
	if all := object["and"]; all != nil {
		for _, part := range listOf(all) {
			s.narrow(part, field, now)
		}
	}
	operators, _ := object[field].(map[string]any)
	if at, err := model.UnmarshalDateTime(operators["gte"]); err == nil {
		s.begin(at)
	}
	if at, err := model.UnmarshalDateTime(operators["lt"]); err == nil {
		s.end(at)
	}
	if d, err := readDuration(operators["withinLast"]); err == nil {
		s.begin(now.Add(-d))
		s.end(now.Add(time.Microsecond)) // withinLast includes now
	}
	if d, err := readDuration(operators["withinNext"]); err == nil {
		s.begin(now)
		s.end(now.Add(d + time.Microsecond))
	}
}

func (s *Span) begin(at time.Time) {
	if s.From == nil || s.From.Before(at) {
		s.From = &at
	}
}

func (s *Span) end(at time.Time) {
	if s.To == nil || s.To.After(at) {
		s.To = &at
	}
}
