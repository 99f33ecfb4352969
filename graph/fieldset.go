package graph

import (
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/read"
)

// fieldSet is the answer to the selections of one object. The generated code fills it.
type fieldSet struct {
	fields   []graphql.CollectedField
	Values   []graphql.Marshaler // of the fields, in their order
	Invalids uint32              // fields that are null and must not be; changed atomically
	waiting  []waiting
}

// waiting is a field that is resolved beside others.
type waiting struct {
	i       int
	resolve func(context.Context) graphql.Marshaler
}

func newFieldSet(fields []graphql.CollectedField) *fieldSet {
	return &fieldSet{fields: fields, Values: make([]graphql.Marshaler, len(fields))}
}

// resolve resolves a field that is ready at once, and another one in Dispatch.
func (s *fieldSet) resolve(ctx context.Context, i int, ready bool, resolve func(context.Context) graphql.Marshaler) {
	if ready {
		s.Values[i] = resolve(ctx)
		return
	}
	s.Concurrently(i, resolve)
}

// Concurrently has a field resolved in Dispatch.
func (s *fieldSet) Concurrently(i int, resolve func(context.Context) graphql.Marshaler) {
	s.waiting = append(s.waiting, waiting{i, resolve})
}

// Dispatch resolves the fields that wait, all at the same time.
func (s *fieldSet) Dispatch(ctx context.Context) {
	if len(s.waiting) == 0 {
		return
	}
	var others sync.WaitGroup
	for _, w := range s.waiting[1:] {
		others.Go(func() {
			defer read.Begin(ctx)()
			s.Values[w.i] = w.resolve(ctx)
		})
	}
	s.Values[s.waiting[0].i] = s.waiting[0].resolve(ctx)
	defer read.Pause(ctx)()
	others.Wait()
}

// MarshalGQL implements graphql.Marshaler. Names of GraphQL need no escapes.
func (s *fieldSet) MarshalGQL(w io.Writer) {
	begin := `{"`
	for i := range s.fields {
		_, _ = io.WriteString(w, begin)
		_, _ = io.WriteString(w, s.fields[i].Alias)
		_, _ = io.WriteString(w, `":`)
		s.Values[i].MarshalGQL(w)
		begin = `,"`
	}
	if len(s.fields) == 0 {
		_, _ = io.WriteString(w, "{")
	}
	_, _ = io.WriteString(w, "}")
}
