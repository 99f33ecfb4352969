//go:build unix

package flock_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/closeloop/closeloop/internal/pg/flock"
)

func TestExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")

	first, err := flock.Exclusive(path)
	if err != nil || first == nil {
		t.Fatalf("first lock: %v, %v", first, err)
	}
	if second, err := flock.Exclusive(path); second != nil || err != nil {
		t.Fatalf("a second exclusive lock: %v, %v", second, err)
	}
	if shared, err := flock.Shared(path); shared != nil || err != nil {
		t.Fatalf("a shared lock beside an exclusive one: %v, %v", shared, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if second, err := flock.Exclusive(path); second == nil || err != nil {
		t.Fatalf("lock after the release: %v, %v", second, err)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	t.Run("locks after the last shared holder", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		one, err := flock.Shared(path)
		if err != nil || one == nil {
			t.Fatalf("shared lock: %v, %v", one, err)
		}
		two, err := flock.Shared(path)
		if err != nil || two == nil {
			t.Fatalf("second shared lock: %v, %v", two, err)
		}

		waited := make(chan error, 1)
		go func() {
			lock, err := flock.Wait(context.Background(), path)
			waited <- errors.Join(err, lock.Release())
		}()
		one.Release()
		if lock, err := flock.Exclusive(path); lock != nil || err != nil {
			t.Fatalf("an exclusive lock beside the second holder: %v, %v", lock, err)
		}
		two.Release()
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
	})

	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		lock, err := flock.Exclusive(path)
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Release()

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if lock, err := flock.Wait(ctx, path); lock != nil || err != context.Canceled {
			t.Fatalf("waited with an ended context: %v, %v", lock, err)
		}
	})
}
