package config

import (
	"fmt"
	"time"
)

// Limits holds what the statements of one API token can take of the database. Zero means the default.
type Limits struct {
	TokenShare    Number   `name:"token-share" env:"CLOSELOOP_TOKEN_SHARE" default:"50" placeholder:"PERCENT" help:"Part of the connections to the database that statements of one API token use at a time (${default}), of those for lists, of those for writes and of those for reports, and of the turns for heavy operations; one at least."`
	QueueTimeout  Duration `name:"queue-timeout" env:"CLOSELOOP_QUEUE_TIMEOUT" default:"15s" placeholder:"DURATION" help:"Time that a statement waits for a connection (${default}); after that it fails with UNAVAILABLE."`
	ListTimeout   Duration `name:"list-timeout" env:"CLOSELOOP_LIST_TIMEOUT" default:"5s" placeholder:"DURATION" help:"Time that a statement of a list may take (${default}); after that it fails with TIMEOUT."`
	ReportTimeout Duration `name:"report-timeout" env:"CLOSELOOP_REPORT_TIMEOUT" default:"10s" placeholder:"DURATION" help:"Time that a statement of a report may take (${default}); after that it fails with TIMEOUT."`
	WriteTimeout  Duration `name:"write-timeout" env:"CLOSELOOP_WRITE_TIMEOUT" default:"30s" placeholder:"DURATION" help:"Time that the transaction of a mutation may take (${default}); after that it is rolled back and fails with TIMEOUT. Files and erasures may take longer."`
}

// validate reports each limit out of its bounds to check.
func (l *Limits) validate(check func(setting string, err error)) {
	if l.TokenShare != 0 {
		check("CLOSELOOP_TOKEN_SHARE", checkWhole(int(l.TokenShare), 1, 100))
	}
	for _, s := range []struct {
		setting string
		d       Duration
	}{
		{"CLOSELOOP_QUEUE_TIMEOUT", l.QueueTimeout},
		{"CLOSELOOP_LIST_TIMEOUT", l.ListTimeout},
		{"CLOSELOOP_REPORT_TIMEOUT", l.ReportTimeout},
		{"CLOSELOOP_WRITE_TIMEOUT", l.WriteTimeout},
	} {
		// PostgreSQL counts in milliseconds, and takes zero for no limit.
		if d := time.Duration(s.d); d != 0 && (d < 10*time.Millisecond || d > 24*time.Hour) {
			check(s.setting, fmt.Errorf("must be from 10ms to 24h, not %v", d))
		}
	}
}
