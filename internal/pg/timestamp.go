package pg

import "time"

// Timestamp is the time as PostgreSQL stores it: in UTC, cut to microseconds. A time that is compared with a stored one
// is cut first, or it differs by the nanoseconds that the database does not keep.
func Timestamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
