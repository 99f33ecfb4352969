package pg

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Unavailable reports whether the error means that PostgreSQL is not available: it cannot be reached, it starts or
// stops, a connection broke, or none became free in time (see Busy). A retry may succeed in a moment. A write may have been committed all the same, if the
// connection broke before the commit's answer arrived.
func Unavailable(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// Class 08 is connection errors; 57P01 to 57P03 are a server that stops, has crashed or starts; 53300 is too many
		// connections (PostgreSQL, appendix A).
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "57P0") || refused.Code == "53300"
	}
	var connecting *pgconn.ConnectError
	var network *net.OpError
	return Busy(err) || errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, driver.ErrBadConn)
}
