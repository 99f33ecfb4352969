package rate

import (
	"context"
	"math"
	"time"

	"github.com/closeloop/closeloop/internal/pg/fair"
	"github.com/closeloop/closeloop/model"
)

// Readings lets each token have one long input read at a time: a thousand at once would keep all processors busy. Those of
// other tokens do not wait for it.
type Readings struct{ turns *fair.Gate }

// readingWait is how long an input waits at most for those before it. Then it is read beside them.
const readingWait = 15 * time.Second

// NewReadings makes the turns of all tokens.
func NewReadings() *Readings {
	return &Readings{fair.New(math.MaxInt, 1, math.MaxInt, readingWait)}
}

// readingRest is how long the token's next input waits at most after one has been read.
const readingRest = 20 * time.Millisecond

// Begin waits for the token's turn. The caller calls done once when the input has been read. The next turn of the token begins
// after a rest as long as the reading took, on two processors, and shorter on more: a loop of long inputs occupies a half of
// one.
func (r *Readings) Begin(ctx context.Context, token model.ApiTokenID) (done func()) {
	leave, err := r.turns.Enter(ctx, token.String())
	if err != nil {
		return func() {}
	}
	began := time.Now()
	return func() {
		time.AfterFunc(fair.Rest(time.Since(began), readingRest), leave)
	}
}
