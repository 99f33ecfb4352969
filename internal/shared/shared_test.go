package shared

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuestion(t *testing.T) {
	t.Parallel()
	t.Run("is asked once for all who came before it was asked", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q, asked, answer := New[int](), 0, make(chan struct{})
			ask := func() (int, error) {
				asked++
				n := asked
				<-answer
				return n, nil
			}
			got := make(chan int, 101)
			for range 101 {
				go func() {
					n, err := q.Ask(t.Context(), ask)
					if err != nil {
						t.Error(err)
					}
					got <- n
				}()
				synctest.Wait()
			}
			close(answer)
			if first := <-got; first != 1 {
				t.Errorf("the first gets answer %d", first)
			}
			for range 100 {
				if n := <-got; n != 2 {
					t.Errorf("somebody who came later gets answer %d", n)
				}
			}
		})
	})

	t.Run("is answered for nobody else by a caller who has gone", func(t *testing.T) {
		t.Parallel()
		q := New[int]()
		ctx, leave := context.WithCancel(t.Context())
		_, err := q.Ask(ctx, func() (int, error) {
			leave()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone gets %v", err)
		}
		if n, err := q.Ask(t.Context(), func() (int, error) { return 7, nil }); n != 7 || err != nil {
			t.Errorf("the next gets %d, %v", n, err)
		}
	})

	t.Run("is waited for no longer than a caller wants to", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q, goOn := New[int](), make(chan struct{})
			ask := func() (int, error) { <-goOn; return 1, nil }
			first := make(chan int, 1)
			go func() {
				n, err := q.AskWithin(t.Context(), time.Second, ask) // its own asking may take as long as it takes
				if err != nil {
					t.Error(err)
				}
				first <- n
			}()
			synctest.Wait()
			began := time.Now()
			if _, err := q.AskWithin(t.Context(), time.Second, ask); !errors.Is(err, ErrPatience) || time.Since(began) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
			close(goOn)
			if n := <-first; n != 1 {
				t.Errorf("the first gets %d", n)
			}
		})
	})
}
