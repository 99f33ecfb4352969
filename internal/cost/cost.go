// Package cost owns the price of an operation, in points: what the operation will make the database do, estimated from the
// document and its variables before it runs, and what it really used, measured while it ran. docs/limits.md explains both
// to users.
//
// It refuses to know any data: the same document always has the same price, except for the times in its filters, which it
// compares with now. It refuses to charge anybody; package rate does.
package cost

import (
	"math"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
)

// Point is the time of the database that a point stands for.
const Point = 100 * time.Microsecond

// rowsPerPoint is how many rows that statements return or change cost one more point: the program reads and encodes each.
const rowsPerPoint = 20

// Max is the highest price of an operation, in points: three seconds of the database.
const Max = 30_000

// FieldsMax is how many fields an answer may have by estimate.
const FieldsMax = 100_000

// An operation is heavy above either of these: it keeps a processor busy for long, of the database or of the program.
const (
	heavyPoints = 500 // a twentieth of a second of the database
	heavyFields = 5_000
)

// longPoints is the price of reading from which a token's operations are read one after the other.
const longPoints = 20

// most is a price that stands for any higher one. It fits an Int of GraphQL.
const most = 1_000_000_000

// Price is the estimate for an operation.
type Price struct {
	Points int // at least 1, at most a billion
	Fields int // of the answer, at most a billion
}

// Of prices an operation with its coerced variables, now: times in filters are compared with it. How long it takes depends
// on the number of fields with each spread of a fragment, which the caller must have bounded; it weighs each variable once.
func Of(op *ast.OperationDefinition, variables map[string]any, now time.Time) Price {
	p := pricer{variables: variables, now: now, fragments: map[spread]work{}, weighed: map[weighKey]filter.Weight{}}
	w := p.selections(op.SelectionSet, place{objects: 1, atMost: 1})
	return Price{Points: points(w.micros), Fields: int(min(w.fields, most))}
}

// Heavy reports whether operations of this price wait for a turn, so that no token keeps all processors busy.
func (p Price) Heavy() bool { return p.Points > heavyPoints || p.Fields > heavyFields }

// Used is the price of what an operation really used.
func Used(u pg.Usage) int {
	return points(float64(u.Time)/float64(time.Microsecond) + float64(u.Rows)/rowsPerPoint*pointMicros)
}

// Reading is the price of reading so many bytes of a document, and so many of variables: parsing, validating and pricing
// them. That is work of the program alone, at five to ten times its time for a document, because there are fewer processors
// than connections to the database. Less than a KiB is read for nothing.
func Reading(document, variables int) (text, input int) {
	return document / 1024 * 25, variables / 1024 * 8
}

// Long reports whether operations that cost so many points to read are read in turn, so that no token keeps all processors
// busy with reading.
func Long(reading int) bool { return reading > longPoints }

const pointMicros = float64(Point / time.Microsecond)

// points converts microseconds, rounded up.
func points(micros float64) int { return int(min(math.Ceil(micros/pointMicros), most)) }
