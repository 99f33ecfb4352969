package rate

import "github.com/closeloop/closeloop/model"

// AtOnce counts one more operation of a token, and reports whether it need not wait.
func (p *Pace) AtOnce(token model.ApiTokenID) bool { return p.operations.of(token).Allow() }
