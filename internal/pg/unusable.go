package pg

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Unusable is the error for a PostgreSQL that cannot be used with the given URL. Its text is one line
// that says what to mend, without the password.
type Unusable struct {
	line  string
	cause error
}

func (u *Unusable) Error() string { return u.line }
func (u *Unusable) Unwrap() error { return u.cause }

// badURL says what is wrong with a connection string. It shows the parser's own text only if the
// string is a well-formed URL: a stray character in a password can make a part of it look like a
// port, which the parser would quote.
func badURL(url string, err error) error {
	const form = "postgres://user:password@host:5432/database"
	scheme, _, isURL := strings.Cut(url, "://")
	parsed, bad := neturl.Parse(url)
	var line string
	switch {
	case isURL && !strings.ContainsAny(scheme, " =") && scheme != "postgres" && scheme != "postgresql":
		line = "it must begin with postgres://"
	case isURL && bad != nil:
		line = "it is not of the form " + form +
			" (in the password, write / as %2F, @ as %40, : as %3A, # as %23, ? as %3F and % as %25)"
	case isURL:
		line = reason(err)
		if password, set := parsed.User.Password(); set && password != "" {
			line = strings.ReplaceAll(line, password, "xxxxx")
		}
		if line == "" || strings.Contains(line, url) {
			line = "it is not of the form " + form
		}
	default:
		line = "it is not of the form " + form
	}
	return &Unusable{line: "DATABASE_URL: " + line}
}

// unreachable says in one line which server did not answer and why.
func unreachable(config *pgx.ConnConfig, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if filepath.IsAbs(config.Host) {
		at = "the socket in " + config.Host
	}
	database := cmp.Or(config.Database, config.User) // the server's own default
	why := reason(err)
	if config.Password != "" {
		why = strings.ReplaceAll(why, config.Password, "xxxxx")
	}
	return &Unusable{
		line:  fmt.Sprintf("cannot use PostgreSQL at %s (database %s, user %s): %s", at, database, config.User, why),
		cause: err,
	}
}

func reason(err error) string {
	var (
		answered *pgconn.PgError
		name     *net.DNSError
		timeout  net.Error
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
	)
	switch {
	case errors.As(err, &answered):
		switch answered.Code {
		case "28P01":
			return "the password is wrong"
		case "3D000":
			return "the database does not exist"
		}
		return answered.Message
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused; is PostgreSQL running there?"
	case errors.Is(err, syscall.ENOENT):
		return "the socket does not exist"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.As(err, &unknown), errors.As(err, &host):
		return "its certificate is not trusted (see sslmode and sslrootcert)"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
