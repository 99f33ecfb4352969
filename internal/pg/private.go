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

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closeloop/closeloop/internal/pg/cluster"
	"github.com/closeloop/closeloop/internal/pg/flock"
)

const (
	// patience is how long a server waits for a command, and at its end for those that joined it.
	patience = 10 * time.Second
	poll     = 25 * time.Millisecond
)

// private is this process's part in the private PostgreSQL of a data folder.
//
// Two locks order who does what. owner.lock belongs exclusively, for its life, to the one process
// that starts PostgreSQL and stops it. joiners.lock is shared by every other process that uses
// it, and by the owner exclusively before it stops PostgreSQL. A joiner takes its lock first and
// looks whether the owner stays second, and an owner says that it leaves before it takes the lock
// of the joiners: so nobody uses a PostgreSQL that is being stopped.
type private struct {
	folder  string
	serve   bool
	log     *slog.Logger
	owner   *flock.Lock
	joined  *flock.Lock
	cluster *cluster.Cluster // nil: another process owns it
	notice  notice
	pool    atomic.Pointer[pgxpool.Pool]
}

// openPrivate becomes the owner where there is none, and else joins.
func openPrivate(ctx context.Context, o Options) (*DB, error) {
	if o.DataDir == "" {
		return nil, errors.New("open PostgreSQL: neither DATABASE_URL nor a data folder is given")
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
	if o.patience == 0 {
		o.patience = patience
	}
	began, said := time.Now(), false
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
		// Seen twice: between an owner's lock and its notice stands that of the one before it.
		case o.Serve && now.Serve && now.State != stopping && now == seen:
			return nil, fmt.Errorf("another %v uses the data folder %s already", now, folder)
		case o.Serve && waited > o.patience:
			return nil, fmt.Errorf("%v is using the data folder %s; start again when it has ended", now, folder)
		case !o.Serve && now.State == ready:
			db, err := p.join(ctx, o, now)
			if db != nil || err != nil && waited > o.patience {
				return db, err
			}
		}
		if !said && waited > o.patience/5 {
			o.Log.Info("waiting for the PostgreSQL of the data folder",
				"folder", folder, "owner", now.String(), "state", now.State)
			said = true
		}
		seen = now
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// own starts PostgreSQL, under the owner's lock.
func (p *private) own(ctx context.Context, o Options) (*DB, error) {
	p.notice = notice{PID: os.Getpid(), Command: o.Command, Serve: o.Serve}
	err := p.tell(starting)
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
		err = p.tell(ready)
	}
	if db == nil {
		return nil, errors.Join(err, p.close())
	}
	db.private = p
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.pool.Store(db.Pool)
	return db, nil
}

// join uses the PostgreSQL of the owner that wrote the notice. It returns nothing when that owner
// has left, or was killed, in the meantime.
func (p *private) join(ctx context.Context, o Options, from notice) (*DB, error) {
	joined, err := flock.Shared(p.path("joiners.lock"))
	if joined == nil {
		return nil, err
	}
	// Nobody can be sharing owner.lock but one who looks as we do here.
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

// reset drops the connections to a server that died, lest each fails once more.
func (p *private) reset() {
	if pool := p.pool.Load(); pool != nil {
		pool.Reset()
	}
}

// close ends this process's part. An owning command waits for those that joined as long as they
// take; a server, which is told to stop and may be killed if it does not, for ten seconds.
func (p *private) close() error {
	if p.cluster == nil {
		return errors.Join(p.joined.Release(), p.forget(), p.owner.Release())
	}
	errs := []error{p.tell(stopping)}
	joiners, err := flock.Exclusive(p.path("joiners.lock"))
	if joiners == nil && err == nil {
		p.log.Info("waiting for other commands that use this PostgreSQL", "folder", p.folder)
		ctx, cancel := context.WithCancel(context.Background())
		if p.serve {
			ctx, cancel = context.WithTimeout(ctx, patience)
		}
		joiners, err = flock.Wait(ctx, p.path("joiners.lock"))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			p.log.Warn("stopping PostgreSQL under commands that still use it", "folder", p.folder)
			err = nil
		}
	}
	errs = append(errs, err, p.cluster.Stop(), p.forget(), joiners.Release(), p.owner.Release())
	return errors.Join(errs...)
}

// forget removes the notice, which is the owner's alone.
func (p *private) forget() error {
	if p.owner == nil {
		return nil
	}
	if err := os.Remove(p.path("owner.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// prepare makes the lock files, as files that the folder's owner can open too.
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

// tell replaces the notice.
func (p *private) tell(state string) error {
	p.notice.State = state
	return writeNotice(p.folder, p.path("owner.json"), p.notice)
}

func (p *private) path(name string) string { return filepath.Join(p.folder, name) }
