package filter

import (
	"encoding/json"
	"io"

	"github.com/closeloop/closeloop/internal/fault"
)

// Operators is an input object of operators such as {gte: 7}, unparsed: only the field that contains it knows its type.
type Operators map[string]any

// UnmarshalGQL takes the object as it is.
func (o *Operators) UnmarshalGQL(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fault.New(fault.CodeBadUserInput, "expected an object")
	}
	*o = m
	return nil
}

// MarshalGQL writes the object.
func (o Operators) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(map[string]any(o)) }
