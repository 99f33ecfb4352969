package auth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestLookupsOfOneSecretAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ls := lookups{all: map[hash]*lookup{}}
		asked, answer := 0, make(chan struct{})
		ask := func() (*owner, error) {
			asked++
			o := &owner{viewer: Viewer{Address: string(rune('0' + asked))}}
			<-answer
			return o, nil
		}
		results := make(chan *owner, 200)
		call := func(h hash) {
			go func() {
				o, err := ls.share(t.Context(), h, ask)
				if err != nil {
					t.Error(err)
				}
				results <- o
			}()
			synctest.Wait()
		}
		call(hash{1})
		for range 100 {
			call(hash{1})
		}
		call(hash{2})
		if asked != 2 {
			t.Fatalf("%d ask at a time for two secrets", asked)
		}
		close(answer)
		synctest.Wait()
		if asked != 3 || len(results) != 102 || len(ls.all) != 0 {
			t.Fatalf("%d asked for %d callers, %d are kept; want 3: one for the first, one for those who came meanwhile, one for another secret", asked, len(results), len(ls.all))
		}
		of := map[string]int{}
		for range 102 {
			of[(<-results).viewer.Address]++
		}
		if of["1"] != 1 || of["2"] != 1 || of["3"] != 100 {
			t.Errorf("the callers have their results by the lookups %v", of)
		}
	})
}

func TestLookupIsNotSharedByWhoComesLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ls := lookups{all: map[hash]*lookup{}}
		valid, reading := true, make(chan struct{})
		revoked := errors.New("revoked")
		ask := func() (*owner, error) {
			was := valid
			<-reading
			if was {
				return &owner{enters: true}, nil
			}
			return nil, revoked
		}
		errs := make(chan error, 2)
		call := func(ctx context.Context) {
			go func() {
				_, err := ls.share(ctx, hash{}, ask)
				errs <- err
			}()
			synctest.Wait()
		}
		call(t.Context())
		valid = false // the first has read it before
		call(t.Context())
		close(reading)
		if first, later := <-errs, <-errs; first != nil || later != revoked {
			t.Errorf("who came before the revocation: %v; who came after it: %v", first, later)
		}
	})
}

func TestLookupOfACallerWhoLeavesIsNobodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ls := lookups{all: map[hash]*lookup{}}
		leaving, leave := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		call := func(ctx context.Context, ask func() (*owner, error)) {
			go func() {
				_, err := ls.share(ctx, hash{}, ask)
				errs <- err
			}()
			synctest.Wait()
		}
		call(leaving, func() (*owner, error) { <-leaving.Done(); return nil, leaving.Err() })
		call(leaving, func() (*owner, error) { t.Error("it asks after it has left"); return nil, nil })
		staying := make(chan error, 1)
		go func() {
			_, err := ls.share(t.Context(), hash{}, func() (*owner, error) { return &owner{}, nil })
			staying <- err
		}()
		synctest.Wait()
		leave()
		if one, other := <-errs, <-errs; one != context.Canceled || other != context.Canceled {
			t.Errorf("those who leave: %v, %v", one, other)
		}
		if err := <-staying; err != nil {
			t.Errorf("who stays: %v", err)
		}
	})
}
