//go:build unix

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// longest is what a socket's path may have on macOS (sun_path is 104 bytes with its final zero);
// Linux takes 107.
const longest = 103

// plain are the paths that PostgreSQL's list of socket folders, and a connection string's list of
// hosts, take without quoting.
var plain = regexp.MustCompile(`^[A-Za-z0-9/._-]+$`)

// socketFolder makes the folder of the socket: run/ below the data folder, or, where that path is
// too long for a socket, a short one in the folder for temporary files. Only the database's user
// and root get in: that is what makes trust in the socket sound.
func socketFolder(folder string, a account) (string, error) {
	socket := filepath.Join(folder, "run")
	if fits(socket) {
		if err := os.Mkdir(socket, 0o700); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("make the socket's folder: %w", err)
		}
		if err := os.Chmod(socket, 0o700); err != nil {
			return "", fmt.Errorf("close the socket's folder to others: %w", err)
		}
		return socket, a.give(socket)
	}
	// The short folder's name is kept: after a kill it is taken again, not left to pile up.
	note := filepath.Join(folder, "socket")
	if kept, err := os.ReadFile(note); err == nil && isPrivate(string(kept), a) {
		return string(kept), nil
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		if !fits(filepath.Join(parent, "closeloop-0123456789")) {
			continue
		}
		// Random and new: a name that can be guessed could be taken by somebody else before.
		socket, err := os.MkdirTemp(parent, "closeloop-")
		if err != nil {
			continue
		}
		if err := os.WriteFile(note, []byte(socket), 0o600); err != nil {
			return "", fmt.Errorf("note the socket's folder: %w", err)
		}
		if err := a.give(note); err != nil {
			return "", err
		}
		return socket, a.give(socket)
	}
	return "", fmt.Errorf("the path of the data folder %s is too long for a socket in it, and no shorter folder can be made in /tmp: "+
		"choose another with CLOSELOOP_DATA_DIR", folder)
}

// isPrivate tells whether the folder still is the database user's own: a folder for temporary
// files is open to all.
func isPrivate(socket string, a account) bool {
	info, err := os.Lstat(socket)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	uid, _, err := ownerOf(socket)
	if a.credential != nil {
		return err == nil && uid == a.credential.Uid
	}
	return err == nil && uid == uint32(os.Geteuid())
}

func fits(socket string) bool {
	return plain.MatchString(socket) && len(socketFile(socket)) <= longest
}

func socketFile(folder string) string {
	return filepath.Join(folder, ".s.PGSQL."+strconv.Itoa(port))
}
