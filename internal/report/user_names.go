package report

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// userNames are the names of users who were asked for, while the configuration's revision stays the same.
type userNames struct {
	revisions *configuration.Revisions

	mu    sync.Mutex
	at    configuration.Revision
	known map[string]Group // by the user's id
}

const mostUserNames = 10_000

// newUserNames makes the names. They need no more of the Revisions than its newest, so it need not be the one that changes
// are made with.
func newUserNames(db *pg.DB, now func() time.Time) *userNames {
	return &userNames{revisions: configuration.New(db, now), known: map[string]Group{}}
}

// usersByID labels users with their names. It reads those that are not known yet.
func usersByID(q selection, keys []string) (map[string]Group, error) {
	groups := make(map[string]Group, len(keys))
	if len(keys) == 0 {
		return groups, nil
	}
	revision, err := q.users.revisions.Current(q.db.Statement.Context)
	if err != nil {
		return nil, err
	}
	missing := q.users.take(revision, keys, groups)
	if len(missing) == 0 {
		return groups, nil
	}
	read, err := namesFrom("users", func(u uuid.UUID) string { return model.UserID{UUID: u}.String() })(q, missing)
	if err != nil {
		return nil, err
	}
	for key, group := range read {
		groups[key] = group
	}
	q.users.keep(revision, read)
	return groups, nil
}

// take adds the users that are known at the revision, and returns the others.
func (u *userNames) take(revision configuration.Revision, keys []string, into map[string]Group) (missing []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, key := range keys {
		if group, ok := u.known[key]; ok && u.at == revision {
			into[key] = group
		} else {
			missing = append(missing, key)
		}
	}
	return missing
}

// keep remembers users that were read after the revision was.
func (u *userNames) keep(revision configuration.Revision, read map[string]Group) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at != revision || len(u.known) > mostUserNames {
		u.at, u.known = revision, map[string]Group{}
	}
	for key, group := range read {
		u.known[key] = group
	}
}
