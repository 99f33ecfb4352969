package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Logger makes a logger that writes to w with the level and the format of CLOSELOOP_LOG.
func (c *Config) Logger(w io.Writer) *slog.Logger {
	level, json, err := c.log()
	if err != nil {
		level, json = slog.LevelInfo, false // Validate has reported the mistake already
	}
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// log parses words such as "debug", "json" and "warn,json". The defaults are info and text.
func (c *Config) log() (level slog.Level, json bool, err error) {
	for _, word := range strings.FieldsFunc(strings.ToLower(c.Log), func(r rune) bool { return strings.ContainsRune(",/ ", r) }) {
		switch word {
		case "debug":
			level = slog.LevelDebug
		case "info":
			level = slog.LevelInfo
		case "warn":
			level = slog.LevelWarn
		case "error":
			level = slog.LevelError
		case "text":
			json = false
		case "json":
			json = true
		default:
			return 0, false, fmt.Errorf("%q must be one of debug, info, warn, error, text and json", word)
		}
	}
	return level, json, nil
}
