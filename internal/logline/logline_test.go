package logline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/logline"
	"github.com/closeloop/closeloop/model"
)

const marker = "Marker-7f3a"

func TestErrorShowsNoValue(t *testing.T) {
	t.Parallel()
	duplicate := &pgconn.PgError{
		Code: "23505", TableName: "users", ConstraintName: "users_email_key", Message: "duplicate key value " + marker,
		Detail: "Key (email_fold)=(" + marker + ") already exists.", Where: marker,
	}
	_, number := strconv.Atoi(marker)
	_, parsed := time.Parse(time.RFC3339, marker)
	var into struct{ N int }
	unmarshal := json.Unmarshal([]byte(`{"N":"`+marker+`"}`), &into)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a violated constraint":      {fmt.Errorf("create a user: %w", duplicate), "create a user: PostgreSQL 23505 table users constraint users_email_key"},
		"an undefined column":        {&pgconn.PgError{Code: "42703", Message: "column \"" + marker + "\" does not exist"}, `PostgreSQL 42703: column "…" does not exist`},
		"a fault":                    {fmt.Errorf("item 3: %w", fault.Input("input.name", "there is no %s", marker)), "item 3: BAD_USER_INPUT"},
		"a scalar":                   {&model.ScalarError{Message: marker}, "BAD_USER_INPUT"},
		"an error of the document":   {gqlerror.Errorf("Cannot query field %s", marker), "an error of the operation"},
		"an encoded argument":        {fmt.Errorf("failed to encode args[0]: unable to encode %#v into text format", marker), `failed to encode args[0]: unable to encode "…" into text format`},
		"a number":                   {fmt.Errorf("read a column: %w", number), "read a column: Atoi: invalid syntax"},
		"a time":                     {parsed, "a text is not a time"},
		"JSON":                       {unmarshal, "a JSON value does not fit the type int"},
		"an address with its secret": {&url.Error{Op: "Post", URL: "https://example.com/" + marker, Err: errors.New("no such host")}, "Post: no such host"},
		"a mail server's reply":      {fmt.Errorf("RCPT TO: %w", &textproto.Error{Code: 550, Msg: marker + " unknown"}), "RCPT TO: the reply was 550"},
		"two errors":                 {errors.Join(errors.New("close"), duplicate), "close\nPostgreSQL 23505 table users constraint users_email_key"},
		"two errors in one text":     {fmt.Errorf("%w, then %w", duplicate, number), "PostgreSQL 23505 table users constraint users_email_key, then Atoi: invalid syntax"},
		"a quotation with quotes":    {fmt.Errorf("invalid name %q", `a "`+marker+`" b`), `invalid name "…"`},
		"a word with an apostrophe":  {fmt.Errorf("can't find '%s' here", marker), "can't find '…' here"},
		"an e-mail address":          {errors.New("no mailbox " + marker + "@example.com"), "no mailbox …"},
		"a token":                    {errors.New("sent closeloop_" + marker + " and whsec_" + marker), "sent … and …"},
		"a password in an address":   {errors.New("dial postgres://user:" + marker + "@db.example.com/x"), "dial postgres:…db.example.com/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(c.err.Error()+fmt.Sprintf("%+v", c.err), marker) && name != "JSON" {
				t.Fatalf("the error %q does not quote the marker, so that the test proves nothing", c.err)
			}
			if got := logline.Error(c.err); got != c.want {
				t.Errorf("%q is logged as %q, not as %q", c.err, got, c.want)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	write := func(do func(*slog.Logger)) string {
		var out bytes.Buffer
		do(logline.Logger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		return out.String()
	}
	t.Run("shows the type of a panic's value only", func(t *testing.T) {
		t.Parallel()
		for _, v := range []any{marker, fmt.Errorf("%s", marker+"@example.com"), []string{marker}, struct{ Name string }{marker}} {
			if line := write(func(l *slog.Logger) { l.Error("panic", "panic", v) }); strings.Contains(line, marker) {
				t.Errorf("%T: %s", v, line)
			}
		}
		var none []int
		defer func() {
			v := recover()
			if line := write(func(l *slog.Logger) { l.Error("panic", "panic", v) }); !strings.Contains(line, "index out of range [3] with length 0") {
				t.Errorf("an error of the runtime is logged as %s", line)
			}
		}()
		_ = none[len(t.Name()[:3])]
	})
	t.Run("hides the value in net/http's line about a panic, and keeps the stack", func(t *testing.T) {
		t.Parallel()
		line := write(func(l *slog.Logger) {
			slog.NewLogLogger(l.Handler(), slog.LevelError).Printf("http: panic serving 127.0.0.1:4711: %v\n%s", marker, "goroutine 7 [running]:\nmain.main()")
		})
		if strings.Contains(line, marker) || !strings.Contains(line, "127.0.0.1:4711") || !strings.Contains(line, "main.main()") {
			t.Error(line)
		}
	})
	t.Run("applies to groups, to attributes of the logger and to values that resolve themselves", func(t *testing.T) {
		t.Parallel()
		err := fmt.Errorf("no %q", marker)
		line := write(func(l *slog.Logger) {
			l.With("error", err).WithGroup("g").Warn(`it says "`+marker+`"`, slog.Group("h", "error", err, "list", []string{marker}), "late", resolved{})
		})
		if strings.Contains(line, marker) || strings.Count(line, "…") != 4 {
			t.Error(line)
		}
	})
	t.Run("bounds a line", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("é", 1_000_000)
		line := write(func(l *slog.Logger) {
			l = l.With("long", long)
			l.Error(long, "error", errors.New(long), "sql", long, "stack", long, "name", long, "name", long, "name", long)
		})
		if len(line) > 30_000 || len(line) < 10_000 {
			t.Errorf("the line has %d bytes", len(line))
		}
	})
	t.Run("is not wrapped twice", func(t *testing.T) {
		t.Parallel()
		once := logline.Logger(slog.New(slog.DiscardHandler))
		if logline.Logger(once) != once {
			t.Error("it was")
		}
	})
}

type resolved struct{}

func (resolved) LogValue() slog.Value { return slog.StringValue(`"` + marker + `"`) }
