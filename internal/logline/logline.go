// Package logline owns what a line of the program's log may show. Every logger of the program goes through Logger, which
// bounds the line and removes from it what may be personal data, a value of a filter or a secret: whatever an error or a
// message quotes, e-mail addresses, tokens, and the values of panics.
//
// It refuses to know who writes a line: it judges by the type of a value and by the form of a text, so that a line of a
// library is treated like one of ours.
package logline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

const (
	textMax = 2_000  // bytes of one text
	lineMax = 12_000 // bytes of all texts of one line: a stack trace fits
)

// Logger returns a logger that writes safe lines to the handler of log. A logger that Logger made is returned as it is.
func Logger(log *slog.Logger) *slog.Logger {
	if _, safe := log.Handler().(handler); safe {
		return log
	}
	return slog.New(handler{log.Handler()})
}

type handler struct{ next slog.Handler }

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	l := line{left: lineMax}
	return handler{h.next.WithAttrs(l.attrs(attrs))}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name)} }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	l := line{left: lineMax}
	safe := slog.NewRecord(r.Time, r.Level, l.cut(message(r.Message), lineMax), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		safe.AddAttrs(l.attr(a))
		return true
	})
	return h.next.Handle(ctx, safe)
}

// line counts the bytes that a line may still take.
type line struct{ left int }

// cut shortens a text to most bytes, and to what is left of the line.
func (l *line) cut(s string, most int) string {
	most = min(most, l.left)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:max(most, 0)], "") + "…"
	}
	l.left -= len(s)
	return s
}

func (l *line) attrs(attrs []slog.Attr) []slog.Attr {
	safe := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		safe[i] = l.attr(a)
	}
	return safe
}

func (l *line) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(l.attrs(v.Group())...)}
	case slog.KindString:
		return slog.String(a.Key, l.text(a.Key, v.String()))
	case slog.KindAny:
		return slog.String(a.Key, l.cut(value(a.Key, v.Any()), textMax))
	}
	l.left -= len(v.String())
	return a
}

// text returns a text of a line. Stacks and statements are texts of the program itself: package pg logs statements with
// placeholders only. The value of a panic may be any text, so that only its type is shown.
func (l *line) text(key, s string) string {
	switch key {
	case "panic":
		return "a text"
	case "stack", "trace":
		return l.cut(s, lineMax)
	case "sql":
		return l.cut(s, textMax)
	}
	return l.cut(mask(s), textMax)
}

// value returns the text of a value that is neither a text nor a number.
func value(key string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case error:
		return Error(v)
	case fmt.Stringer:
		if key != "panic" {
			return mask(v.String())
		}
	}
	return fmt.Sprintf("%T", v)
}
