package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Folder returns the private PostgreSQL's folder as an absolute path. The folder need not exist.
func (c *Config) Folder() (string, error) {
	if c.DataDir != "" {
		return filepath.Abs(c.DataDir)
	}
	return defaultFolder(runtime.GOOS, os.Geteuid(), os.Getenv)
}

// defaultFolder follows the conventions of the operating system. For root it returns the folder of services, because
// the user that runs PostgreSQL cannot read root's home.
func defaultFolder(system string, uid int, env func(string) string) (string, error) {
	if uid == 0 {
		return "/var/lib/closeloop", nil
	}
	if system == "windows" {
		// The private PostgreSQL is not available on Windows, and package cluster says so. Commands that need no database
		// must not fail here because a folder is missing.
		return filepath.Join(env("LOCALAPPDATA"), "closeloop"), nil
	}
	home := env("HOME")
	// The XDG Base Directory Specification says to ignore a relative path.
	if data := env("XDG_DATA_HOME"); system != "darwin" && filepath.IsAbs(data) {
		return filepath.Join(data, "closeloop"), nil
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("is required, because HOME is not set: give the folder for the private PostgreSQL's data, or set DATABASE_URL")
	}
	if system == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "closeloop"), nil
	}
	return filepath.Join(home, ".local", "share", "closeloop"), nil
}
