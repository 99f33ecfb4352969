//go:build unix

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// account is the user that PostgreSQL runs as. PostgreSQL refuses to run as root, so that root must
// choose another user for it.
type account struct {
	name       string
	credential *syscall.Credential // nil: the user of this process
}

// accountFor chooses the user: the user of this process, unless that is root. For root it chooses
// the owner of the data, else the user postgres where it exists, else the user nobody.
func accountFor(folder string) (account, error) {
	if os.Geteuid() != 0 {
		return account{name: userName(os.Geteuid())}, nil
	}
	for _, path := range []string{filepath.Join(folder, "postgres"), folder} {
		if uid, gid, err := ownerOf(path); err == nil && uid != 0 {
			return account{
				name:       userName(int(uid)),
				credential: &syscall.Credential{Uid: uid, Gid: gid},
			}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err := strconv.ParseUint(u.Uid, 10, 32)
			if err != nil {
				continue
			}
			gid, err := strconv.ParseUint(u.Gid, 10, 32)
			if err != nil {
				continue
			}
			return account{name: name, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and neither a user postgres nor a user nobody exists: " +
		"create one of them, run closeloop as another user, or set DATABASE_URL")
}

// own makes the user the owner of the path.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("change the owner to the user %s: %w", a.name, err)
	}
	return nil
}

// Folder creates the folder, accessible to its owner only, and checks that it can be used. It
// accepts an existing folder. Root changes the owner of an empty folder to the user that
// PostgreSQL will run as.
func Folder(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// The parents are not 0700, because PostgreSQL must reach the folder as another user than
		// root.
		if err = os.MkdirAll(filepath.Dir(folder), 0o755); err == nil {
			err = os.Mkdir(folder, 0o700)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("create the data folder: %w (choose another with CLOSELOOP_DATA_DIR)", err)
		}
	case errors.Is(err, fs.ErrPermission):
		return errOwner(folder)
	case err != nil:
		return fmt.Errorf("use the data folder: %w", err)
	case unix.Access(folder, unix.W_OK|unix.X_OK) != nil:
		return errOwner(folder)
	case len(entries) > 0:
		return nil
	}
	if uid, _, err := ownerOf(folder); err != nil || uid != 0 {
		return err
	}
	a, err := accountFor(folder)
	if err != nil {
		return err
	}
	return a.own(folder)
}

// Adopt changes the owner of a file that this process created in the folder to the folder's owner,
// because that user may run closeloop on the folder next. Only root needs to do so, and only root
// can.
func Adopt(folder, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := ownerOf(folder)
	if err == nil {
		err = os.Chown(path, int(uid), int(gid))
	}
	if err != nil {
		return fmt.Errorf("change the owner to the folder's owner: %w", err)
	}
	return nil
}

func errOwner(folder string) error {
	owner := "another user"
	if uid, _, err := ownerOf(folder); err == nil {
		owner = "the user " + userName(int(uid))
	}
	return fmt.Errorf("the data folder %s belongs to %s: run closeloop as that user, or choose another folder with CLOSELOOP_DATA_DIR",
		folder, owner)
}

func ownerOf(path string) (uid, gid uint32, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("find the owner of %s: not known on this system", path)
	}
	return stat.Uid, stat.Gid, nil
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}
