package config

import (
	"cmp"
	"fmt"
)

const (
	// RateLeast is the cost of the dearest operation. A bucket that holds less could never pay for that operation.
	RateLeast = 30_000
	rateMost  = 2_000_000_000 // the API returns the limit as a 32-bit integer

	rateLimit   = 600_000
	rateRestore = 20_000
)

// Rate returns how many points a token's bucket holds, and how many points it regains each second.
func (c *Config) Rate() (limit, restore int) {
	return int(cmp.Or(c.RateLimit, rateLimit)), int(cmp.Or(c.RateRestore, rateRestore))
}

func checkWhole(n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("must be a number from %d to %d, not %d", least, most, n)
	}
	return nil
}
