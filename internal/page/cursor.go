package page

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/fault"
)

const decimalMax = 100 // characters of a Decimal in a cursor

// position is a row's value of each key; a cursor is its encoded form.
type position []any

// end bounds the rows of a page: to the rows after a position of the list, or before it.
type end struct {
	at     position
	before bool
}

// bounds checks all arguments: Size and the decoded cursors.
func (o Order[T]) bounds(args Args) (n int, backward bool, ends []end, err error) {
	n, backward, ofSize := args.Size()
	faults := []error{ofSize}
	for _, given := range []struct {
		argument string
		cursor   *string
	}{{"after", args.After}, {"before", args.Before}} {
		if given.cursor == nil {
			continue
		}
		at, err := o.decode(*given.cursor)
		if err != nil {
			faults = append(faults, fault.WithPath(given.argument, err))
		}
		ends = append(ends, end{at, given.argument == "before"})
	}
	return n, backward, ends, fault.Join(faults...)
}

// Cursor is the row's position, encoded.
func (o Order[T]) Cursor(row *T) string { return o.encode(row) }

func (o Order[T]) encode(row *T) string {
	values := make([]any, 0, len(o)+1)
	values = append(values, o.names())
	for _, k := range o {
		switch v := k.Of(row).(type) {
		case nil:
			values = append(values, nil)
		case time.Time:
			values = append(values, v.UTC().Format(time.RFC3339Nano))
		case int:
			values = append(values, strconv.Itoa(v))
		case float64:
			values = append(values, strconv.FormatFloat(v, 'g', -1, 64))
		case string:
			values = append(values, v)
		case decimal.Decimal:
			values = append(values, v.String())
		case uuid.UUID:
			values = append(values, v.String())
		default:
			panic(fmt.Sprintf("closeloop: cursors cannot encode %T, the value of key %s", v, k.Name))
		}
	}
	raw, _ := json.Marshal(values) // strings and nils always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (o Order[T]) decode(cursor string) (position, error) {
	wrong := fault.New(fault.CodeBadUserInput, "this is not a cursor of this list in this order: use pageInfo of the same list with the same orderBy, or leave the cursor out")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, wrong
	}
	var values []*string
	if json.Unmarshal(raw, &values) != nil || len(values) != len(o)+1 || values[0] == nil || *values[0] != o.names() {
		return nil, wrong
	}
	at := make(position, len(o))
	for i, k := range o {
		v := values[i+1]
		if v == nil {
			if !k.Nullable {
				return nil, wrong
			}
			continue
		}
		switch k.Kind {
		case Text:
			if strings.ContainsRune(*v, 0) {
				return nil, wrong
			}
			at[i] = *v
		case Integer:
			at[i], err = strconv.ParseInt(*v, 10, 64)
		case Decimal: // cursors are written without exponents: a few characters must not become a million digits
			if len(*v) > decimalMax || strings.ContainsAny(*v, "eE") {
				return nil, wrong
			}
			at[i], err = decimal.NewFromString(*v)
		case Float:
			f, failed := strconv.ParseFloat(*v, 64)
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return nil, wrong
			}
			at[i], err = f, failed
		case Time:
			at[i], err = time.Parse(time.RFC3339Nano, *v)
		case ID:
			at[i], err = uuid.Parse(*v)
		}
		if err != nil {
			return nil, wrong
		}
	}
	return at, nil
}
