package pg

import "fmt"

// WrapErr says in a short verb phrase what failed; it keeps nil.
func WrapErr(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
