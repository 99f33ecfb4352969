package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

var errBack = errors.New("rolled back")

// write changes a few cases in each transaction, and rolls some of them back. When PostgreSQL dies during a commit, nobody
// knows whether the transaction was committed.
func (f *fire) write(r *rand.Rand) {
	for f.burning.Err() == nil {
		var kept, lost []string
		began := time.Now()
		err := f.db.Tx(f.t.Context(), func(tx *gorm.DB) error {
			lost, kept = append(lost, kept...), nil // the events of an attempt that failed with PostgreSQL
			chosen := r.Perm(fireCases)[:1+r.IntN(3)]
			slices.Sort(chosen) // everybody locks in one order, as casework does
			for _, i := range chosen {
				nap(r)
				id, back, err := f.change(tx, f.cases[i], r)
				if err != nil {
					return err
				}
				if back {
					lost = append(lost, id)
				} else {
					kept = append(kept, id)
				}
			}
			nap(r)
			if r.IntN(6) == 0 {
				return errBack
			}
			return nil
		})
		if time.Since(began) >= time.Second {
			f.openLong.Add(1)
		}
		f.mu.Lock()
		switch {
		case err == nil:
			for _, id := range kept {
				f.committed[id] = true
			}
		case errors.Is(err, errBack):
			f.rollbacks.Add(1)
			lost = append(lost, kept...)
		case pg.Unavailable(err):
			f.unsure.Add(1)
		default:
			f.t.Errorf("a writer failed: %v", err)
		}
		for _, id := range lost {
			f.abandoned[id] = true
		}
		f.mu.Unlock()
		time.Sleep(time.Duration(200+r.IntN(1000)) * time.Millisecond)
	}
}

// change moves a case by one version, as casework does, and sometimes rolls back to a savepoint.
func (f *fire) change(tx *gorm.DB, opened *model.Snapshot, r *rand.Rand) (id string, back bool, err error) {
	if back = r.IntN(5) == 0; back {
		if err := tx.Exec("SAVEPOINT here").Error; err != nil {
			return "", false, err
		}
	}
	var version int
	if err := tx.Raw("SELECT version FROM cases WHERE id = ? FOR UPDATE", opened.Case.ID).Scan(&version).Error; err != nil {
		return "", false, err
	}
	before, after, country := *opened, *opened, "FR"
	after.Customer.Country = &country
	after.Case.Version, after.Case.UpdatedAt = version+1, time.Now().UTC().Truncate(time.Microsecond)
	if err := tx.Exec("UPDATE cases SET version = ?, updated_at = ? WHERE id = ?", after.Case.Version, after.Case.UpdatedAt, after.Case.ID).Error; err != nil {
		return "", false, err
	}
	logged, err := event.Append(tx, event.Entry{Type: model.EventDetailsChanged, Changed: []string{"customer.country"}, Before: &before, After: &after})
	if err != nil {
		return "", false, err
	}
	if back {
		nap(r)
		f.savepoints.Add(1)
		err = tx.Exec("ROLLBACK TO SAVEPOINT here").Error
	}
	return logged.ID.String(), back, err
}

// nap makes transactions overlap in every way: most continue at once, some keep others waiting, a few for seconds.
func nap(r *rand.Rand) {
	switch n := r.IntN(40); {
	case n == 0:
		time.Sleep(time.Duration(1000+r.IntN(2000)) * time.Millisecond)
	case n < 4:
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
	case n < 15:
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
}

// call writes over the API, at any server. A write that a server has acknowledged must be there in the end, even if the
// server was killed right afterwards.
func (f *fire) call(r *rand.Rand) {
	client := &http.Client{Timeout: time.Minute}
	for f.burning.Err() == nil {
		id, err := f.reply(client, r)
		if err != nil {
			f.unsure.Add(1)
		} else {
			f.mu.Lock()
			f.committed[id] = true
			f.mu.Unlock()
		}
		time.Sleep(time.Duration(200+r.IntN(1000)) * time.Millisecond)
	}
}

func (f *fire) reply(client *http.Client, r *rand.Rand) (event string, err error) {
	body, err := json.Marshal(vars{
		"query":     `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {event {id}}}`,
		"variables": vars{"input": vars{"caseId": f.cases[r.IntN(fireCases)].Case.ID.String(), "improvement": "Answer the phone."}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, *f.servers[r.IntN(fireServers)].url.Load()+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+setup.AdminToken)
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var decoded struct {
		Data   any
		Errors []setup.Problem
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		return "", err
	}
	if len(decoded.Errors) > 0 {
		if decoded.Errors[0].Code() != "UNAVAILABLE" {
			f.t.Errorf("a caller got the error %s", text)
		}
		return "", fmt.Errorf("%s", text)
	}
	return setup.Tree{V: decoded.Data}.Text("recordReply.event.id"), nil
}
