//go:build unix

package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStartWithOtherVersion(t *testing.T) {
	t.Parallel()
	at := folder(t)
	c := start(t, Options{Folder: at})
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	version := filepath.Join(c.data(), "PG_VERSION")
	if err := os.WriteFile(version, []byte("12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), Options{Folder: at, Log: slog.New(slog.DiscardHandler), Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), "was created by PostgreSQL 12, but only PostgreSQL ") {
		t.Errorf("error: %v", err)
	}
	if left, _ := os.ReadFile(version); string(left) != "12\n" {
		t.Error("the data was touched")
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for name, version := range map[string]string{
		"14": "14.2", "16": "16.1 (Debian 16.1-1)", "9": "9.6.24", "18": "18beta1", "onpath": "15.13",
	} {
		bin := filepath.Join(base, name, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{"postgres", "initdb"} {
			script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", program, version)
			if err := os.WriteFile(filepath.Join(bin, program), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A link on PATH leads to where it points; what it points at is not listed twice.
	links := filepath.Join(base, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(base, "onpath", "bin", "postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	var majors []int
	for _, b := range installed(links+":/nowhere", []string{filepath.Join(base, "*", "bin")}) {
		majors = append(majors, b.major)
	}
	if got := fmt.Sprint(majors); got != "[15 18 16 14 9]" {
		t.Errorf("found %s", got)
	}
}
