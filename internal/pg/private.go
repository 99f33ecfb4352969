package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pg/flock"
)

const (
	// ownerTimeout is how long a starting server waits for a command that owns the folder, and a
	// stopping server for the commands that joined it.
	ownerTimeout = 10 * time.Second
	pollInterval = 25 * time.Millisecond
)

// private is this process's part in the private PostgreSQL of a data folder.
//
// There are two locks. The process that starts and stops PostgreSQL, the owner, holds owner.lock
// exclusively for its whole life. Every other process that uses PostgreSQL, a joiner, holds
// joiners.lock shared; the owner takes it exclusively before it stops PostgreSQL. A joiner first
// takes its lock, then checks that the owner is not stopping. An owner first announces that it is
// stopping, then takes joiners.lock. So no process uses a PostgreSQL that is being stopped.
type private struct {
	folder  string
	serve   bool
	log     *slog.Logger
	owner   *flock.Lock
	joined  *flock.Lock
	cluster *cluster.Cluster // nil: another process owns it
	notice  notice
	db      atomic.Pointer[DB]
}

// Exists tells whether the folder has the data of a private PostgreSQL. Where that cannot be seen it says yes, and Open tells why.
func Exists(folder string) bool { return cluster.Exists(folder) }

// openPrivate becomes the owner if there is none, and joins the owner otherwise.
func openPrivate(ctx context.Context, o Options) (*DB, error) {
	if o.DataDir == "" {
		return nil, errors.New("open PostgreSQL: set DATABASE_URL or a data folder (CLOSELOOP_DATA_DIR)")
	}
	folder, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	if err := cluster.Folder(folder); err != nil {
		return nil, err
	}
	p := &private{folder: folder, serve: o.Serve, log: o.Log}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if o.ownerTimeout == 0 {
		o.ownerTimeout = ownerTimeout
	}
	began, logged := time.Now(), false
	var seen notice
	for {
		p.owner, err = flock.Exclusive(p.path("owner.lock"))
		if err != nil {
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
		if p.owner != nil {
			return p.own(ctx, o)
		}
		now := readNotice(p.path("owner.json"))
		waited := time.Since(began)
		switch {
		// The notice must be seen twice: between taking the lock and writing its notice, a new owner
		// still shows the notice of the one before it.
		case o.Serve && now.Serve && now.State != stopping && now == seen:
			return nil, fmt.Errorf("another %v uses the data folder %s already: stop it, or give another folder (CLOSELOOP_DATA_DIR)", now, folder)
		case o.Serve && waited > o.ownerTimeout:
			return nil, fmt.Errorf("%v is using the data folder %s: start again after it has ended", now, folder)
		case !o.Serve && now.State == ready:
			db, err := p.join(ctx, o, now)
			if db != nil || err != nil && waited > o.ownerTimeout {
				return db, err
			}
		}
		if !logged && waited > o.ownerTimeout/5 {
			o.Log.Info("waiting for the PostgreSQL of the data folder",
				"folder", folder, "owner", now.String(), "state", now.State)
			logged = true
		}
		seen = now
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// own starts PostgreSQL. The caller holds the owner's lock.
func (p *private) own(ctx context.Context, o Options) (*DB, error) {
	p.notice = notice{PID: os.Getpid(), Command: o.Command, Serve: o.Serve}
	err := p.writeState(starting)
	if err == nil {
		p.cluster, err = cluster.Start(ctx, cluster.Options{
			Folder: p.folder, Log: o.Log, Restarted: p.reset, Throwaway: o.throwaway,
		})
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	url := p.cluster.URL(cluster.Database)
	db, err := Connect(ctx, url, o)
	if err == nil {
		p.notice.URL = url
		err = p.writeState(ready)
	}
	if db == nil {
		return nil, errors.Join(err, p.close())
	}
	db.private = p
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.db.Store(db)
	return db, nil
}

// join uses the PostgreSQL of the owner that wrote the notice. It returns nil without an error if
// that owner has stopped, or was killed, in the meantime.
func (p *private) join(ctx context.Context, o Options, from notice) (*DB, error) {
	joined, err := flock.Shared(p.path("joiners.lock"))
	if joined == nil {
		return nil, err
	}
	// owner.lock is free only if there is no owner; other processes share it only for this same check.
	left, err := flock.Shared(p.path("owner.lock"))
	if left != nil || err != nil || readNotice(p.path("owner.json")) != from {
		return nil, errors.Join(err, left.Release(), joined.Release())
	}
	db, err := Connect(ctx, from.URL, o)
	if err != nil {
		return nil, errors.Join(err, joined.Release())
	}
	p.joined = joined
	db.private = p
	return db, nil
}

// reset drops the connections to a server that died: otherwise each would fail once more.
func (p *private) reset() {
	if db := p.db.Load(); db != nil {
		db.reset()
	}
}

// close ends this process's part. A command that is the owner waits for its joiners without a limit.
// A server waits ten seconds, because it may be killed if it does not stop.
func (p *private) close() error {
	if p.cluster == nil {
		return errors.Join(p.joined.Release(), p.removeNotice(), p.owner.Release())
	}
	errs := []error{p.writeState(stopping)}
	joiners, err := flock.Exclusive(p.path("joiners.lock"))
	if joiners == nil && err == nil {
		p.log.Info("waiting for other commands that use this PostgreSQL", "folder", p.folder)
		ctx, cancel := context.WithCancel(context.Background())
		if p.serve {
			ctx, cancel = context.WithTimeout(ctx, ownerTimeout)
		}
		joiners, err = flock.Wait(ctx, p.path("joiners.lock"))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			p.log.Warn("stopping PostgreSQL under commands that still use it", "folder", p.folder)
			err = nil
		}
	}
	errs = append(errs, err, p.cluster.Stop(), p.removeNotice(), joiners.Release(), p.owner.Release())
	return errors.Join(errs...)
}

// removeNotice removes the owner's notice. A joiner has none.
func (p *private) removeNotice() error {
	if p.owner == nil {
		return nil
	}
	if err := os.Remove(p.path("owner.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// prepare creates the lock files. They belong to the folder's owner, who may open them later.
func (p *private) prepare() error {
	for _, name := range []string{"owner.lock", "joiners.lock"} {
		file, err := os.OpenFile(p.path(name), os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("another user's closeloop uses the data folder %s: run closeloop as that user or as root, "+
				"or choose another folder with CLOSELOOP_DATA_DIR", p.folder)
		}
		if err == nil {
			err = errors.Join(file.Close(), cluster.Adopt(p.folder, p.path(name)))
		}
		if err != nil {
			return fmt.Errorf("make the lock files: %w", err)
		}
	}
	return nil
}

// writeState replaces the notice.
func (p *private) writeState(state string) error {
	p.notice.State = state
	return writeNotice(p.folder, p.path("owner.json"), p.notice)
}

func (p *private) path(name string) string { return filepath.Join(p.folder, name) }
