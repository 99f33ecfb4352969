package rate

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/closeloop/closeloop/model"
)

// Pace spreads the operations of each token. An operation that the database does little for costs few points or none, and
// takes the processor all the same: a loop of them would slow everybody down.
type Pace struct{ operations *limiters }

const (
	pacePoints = 20  // that a token regains for each operation
	paceLeast  = 100 // operations a second
)

// NewPace makes the pace of tokens that regain restore points a second. A second's worth is answered at once.
func NewPace(restore int) *Pace {
	each := max(paceLeast, restore/pacePoints)
	return &Pace{newLimiters(rate.Limit(each), each)}
}

// Wait waits until the token may have one more operation answered, or until ctx ends.
func (p *Pace) Wait(ctx context.Context, token model.ApiTokenID) {
	_ = p.operations.of(token).Wait(ctx)
}
