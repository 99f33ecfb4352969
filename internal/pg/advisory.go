package pg

import "gorm.io/gorm"

// AdvisoryLock is a lock that has a name instead of a row. A transaction holds it until it ends.
//
// The key is the 32-bit hash of the name. Two names with one hash only wait for each other needlessly.
type AdvisoryLock string

// Lock waits until no other transaction holds the lock, and takes it.
func (l AdvisoryLock) Lock(tx *gorm.DB) error {
	return WrapErr("take the lock "+string(l), tx.Exec("SELECT pg_advisory_xact_lock(hashtext(?))", string(l)).Error)
}

// AddTo adds Lock to a pipeline.
func (l AdvisoryLock) AddTo(p *Pipeline) {
	p.Exec("take the lock "+string(l), "SELECT pg_advisory_xact_lock(hashtext($1))", string(l))
}

// AddLockKeys adds to a pipeline one lock for each key, in their order. The keys are sorted and unique, so that no two
// transactions wait for each other in a circle.
func AddLockKeys(p *Pipeline, keys []int64) {
	p.Exec("take advisory locks", "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS keys(k)", keys)
}
