package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Folder is the private PostgreSQL's folder, as an absolute path. It need not exist.
func (c *Config) Folder() (string, error) {
	if c.DataDir != "" {
		return filepath.Abs(c.DataDir)
	}
	return defaultFolder(runtime.GOOS, os.Geteuid(), os.Getenv)
}

// defaultFolder follows the system's customs. Root's own home is closed to the user that PostgreSQL
// runs as, so that root keeps data where services do.
func defaultFolder(system string, uid int, env func(string) string) (string, error) {
	if uid == 0 {
		return "/var/lib/closeloop", nil
	}
	if system == "windows" {
		// Package pg explains that the private PostgreSQL is not available there. Commands that need no
		// database must not fail for want of a folder.
		return filepath.Join(env("LOCALAPPDATA"), "closeloop"), nil
	}
	home := env("HOME")
	// The XDG Base Directory Specification has a relative path ignored.
	if data := env("XDG_DATA_HOME"); system != "darwin" && filepath.IsAbs(data) {
		return filepath.Join(data, "closeloop"), nil
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("needed, for there is no home folder: where the private PostgreSQL keeps its data (or set DATABASE_URL)")
	}
	if system == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "closeloop"), nil
	}
	return filepath.Join(home, ".local", "share", "closeloop"), nil
}
