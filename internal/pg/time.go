package pg

import "time"

// Time is the moment as PostgreSQL stores it: in microseconds. A time that was written and read back is equal to the one
// in memory only if the program cuts it before the write. The result is in UTC.
func Time(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
