package rate

import "github.com/closeloop/closeloop/model"

// Refusals notices tokens whose operations are refused again and again: a refusal costs no points, so that only its
// slowness keeps a loop of them from occupying the processors.
type Refusals struct{ counted *limiters }

const (
	refusalsAtOnce = 100 // that are answered at once, of a token that had none lately
	refusalsEach   = 50  // further ones a second
)

// NewRefusals makes the counts of all tokens.
func NewRefusals() *Refusals { return &Refusals{newLimiters(refusalsEach, refusalsAtOnce)} }

// Often counts one more refusal of a token, and reports whether it has had too many lately to be answered at once.
func (r *Refusals) Often(token model.ApiTokenID) bool { return !r.counted.of(token).Allow() }
