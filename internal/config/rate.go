package config

import (
	"cmp"
	"fmt"
	"strconv"
)

const (
	// RateLeast is what the dearest operation costs: a bucket that holds less could never pay it.
	RateLeast = 30_000
	rateMost  = 2_000_000_000 // the API tells it as a whole number of 32 bits

	rateLimit   = 2_000_000
	rateRestore = 100_000
)

// Points are what operations are paid in; 0 stands for the default.
type Points int

// UnmarshalText takes a variable that is set to nothing for one that is not set, as compose files mean it.
func (p *Points) UnmarshalText(text []byte) error {
	*p = 0
	if len(text) == 0 {
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is not a number above 0", text)
	}
	*p = Points(n)
	return nil
}

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
