package pg

import "fmt"

// WrapErr adds a short verb phrase, which says what failed, to the error. Nil stays nil.
func WrapErr(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
