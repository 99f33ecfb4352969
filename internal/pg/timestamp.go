package pg

import "time"

// Timestamp is the time as PostgreSQL stores it: in UTC, cut to microseconds. Cut a time before you compare it with a
// stored one: otherwise they differ by the nanoseconds that the database does not store.
func Timestamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
