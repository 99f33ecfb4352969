package config

import (
	"cmp"
	"fmt"
)

const (
	// RateLeast is what the dearest operation costs: a bucket that holds less could never pay it.
	RateLeast = 30_000
	rateMost  = 2_000_000_000 // the API tells it as a whole number of 32 bits

	rateLimit   = 2_000_000
	rateRestore = 100_000
)

// Rate is how many points a token's bucket holds, and how many come back each second.
func (c *Config) Rate() (limit, restore int) {
	return int(cmp.Or(c.RateLimit, rateLimit)), int(cmp.Or(c.RateRestore, rateRestore))
}

func checkWhole(n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("must be a number from %d to %d, not %d", least, most, n)
	}
	return nil
}
