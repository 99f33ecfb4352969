//go:build unix

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// socketPathMax is the longest path of a socket on macOS in bytes (sun_path has 104 bytes with the
// final zero); Linux allows 107.
const socketPathMax = 103

// plainPath matches paths that need no quoting in PostgreSQL's list of socket folders and in a
// connection string's list of hosts.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._-]+$`)

// socketFolder creates the folder of the socket: run/ below the data folder or, where that path is
// too long for a socket, a folder with a short name among the temporary files. Only the database's
// user and root can enter it, which is why the authentication method `trust` is safe.
func socketFolder(folder string, a account) (string, error) {
	socket := filepath.Join(folder, "run")
	if fits(socket) {
		if err := os.Mkdir(socket, 0o700); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("create the socket's folder: %w", err)
		}
		if err := os.Chmod(socket, 0o700); err != nil {
			return "", fmt.Errorf("restrict access to the socket's folder: %w", err)
		}
		return socket, a.own(socket)
	}
	// The name of the short folder is saved, so that a start after a kill uses the folder again
	// instead of adding another one.
	file := filepath.Join(folder, "socket")
	if kept, err := os.ReadFile(file); err == nil && isPrivate(string(kept), a) {
		return string(kept), nil
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		if !fits(filepath.Join(parent, "closeloop-0123456789")) {
			continue
		}
		// The name is random, because another user could create a folder with a predictable name
		// first.
		socket, err := os.MkdirTemp(parent, "closeloop-")
		if err != nil {
			continue
		}
		if err := os.WriteFile(file, []byte(socket), 0o600); err != nil {
			return "", fmt.Errorf("save the path of the socket's folder: %w", err)
		}
		if err := a.own(file); err != nil {
			return "", err
		}
		return socket, a.own(socket)
	}
	return "", fmt.Errorf("the path of the data folder %s is too long for a socket in it, and no shorter folder can be created in /tmp: "+
		"choose another with CLOSELOOP_DATA_DIR", folder)
}

// isPrivate reports whether the folder still belongs to the database's user alone. The check is
// needed because every user may write to the parent folder for temporary files.
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
	return plainPath.MatchString(socket) && len(socketFile(socket)) <= socketPathMax
}

func socketFile(folder string) string {
	return filepath.Join(folder, ".s.PGSQL."+strconv.Itoa(port))
}
