package pg

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Away tells whether the error says that PostgreSQL is not there: it cannot be reached, it starts or stops, or a
// connection broke. What was asked may work in a moment. A write may have been done: its commit's answer may be what got
// lost.
func Away(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// Class 08 is of connections; 57P01 to 57P03 are of a server that stops, has crashed, or starts; 53300 has no
		// connection left (PostgreSQL, appendix A).
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "57P0") || refused.Code == "53300"
	}
	var connecting *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, driver.ErrBadConn)
}
