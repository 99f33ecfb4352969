// Package persisted owns the registered documents: documents of GraphQL that an administrator has put on a list, so that
// clients name them by an id or a hash instead of sending their text.
//
// It refuses to decide who may send what (package httpd does), and to know the schema: Check is given one.
package persisted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// idsShown is how many ids of documents an entry of the audit names.
const idsShown = 20

// seenWithin is how long a change of the documents may stay unseen by a server.
const seenWithin = time.Second

// Registered is a document of the list.
type Registered struct {
	ID        string
	Body      string
	CreatedAt time.Time
}

// TableName implements gorm's schema.Tabler.
func (Registered) TableName() string { return "registered_documents" }

// Registry reads and changes the list of one database. Each server keeps the list in memory, and looks for changes once a
// second while it is asked.
type Registry struct {
	db  *pg.DB
	now func() time.Time

	checking chan struct{} // holds one value while somebody looks for changes

	mu   sync.RWMutex
	list *list
	at   time.Time // when list was known to be current
}

// list is the documents of one version; it never changes.
type list struct {
	version int64
	byID    map[string]string // id to text
	byHash  map[string]string // SHA-256 in hexadecimal to text
}

// New makes the registry of a database.
func New(db *pg.DB, now func() time.Time) *Registry {
	return &Registry{db: db, now: now, checking: make(chan struct{}, 1)}
}

// Hash returns the name of a document in automatic persisted queries: its SHA-256 in hexadecimal.
func Hash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// Find returns the text of the document with this id, or else with this hash.
func (r *Registry) Find(ctx context.Context, name string) (text string, ok bool, err error) {
	l, err := r.current(ctx)
	if err != nil {
		return "", false, err
	}
	if text, ok = l.byID[name]; !ok {
		text, ok = l.byHash[name]
	}
	return text, ok, nil
}

// current returns a list that is at most seenWithin old. Where the database does not answer, it is the last one.
func (r *Registry) current(ctx context.Context) (*list, error) {
	l, fresh := r.known()
	if fresh {
		return l, nil
	}
	select {
	case r.checking <- struct{}{}:
		defer func() { <-r.checking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l, fresh = r.known(); fresh {
		return l, nil
	}
	began := r.now()
	next, err := r.load(ctx, l)
	switch {
	case err != nil && l == nil:
		return nil, err
	case err != nil:
		return l, nil // the list that is known serves on
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list, r.at = next, began
	return next, nil
}

func (r *Registry) known() (l *list, fresh bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.list, r.list != nil && r.now().Sub(r.at) < seenWithin
}

// load returns the list of the database: old itself, where nothing has changed.
func (r *Registry) load(ctx context.Context, old *list) (*list, error) {
	next := &list{byID: map[string]string{}, byHash: map[string]string{}}
	err := r.db.Gorm.WithContext(ctx).Raw("SELECT version FROM registered_documents_version").Scan(&next.version).Error
	if err != nil {
		return nil, fmt.Errorf("read the version of the registered documents: %w", err)
	}
	if old != nil && old.version == next.version {
		return old, nil
	}
	all, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		next.byID[d.ID], next.byHash[Hash(d.Body)] = d.Body, d.Body
	}
	return next, nil
}

// List returns all documents by id.
func (r *Registry) List(ctx context.Context) ([]Registered, error) {
	var all []Registered
	if err := r.db.Gorm.WithContext(ctx).Order("id").Find(&all).Error; err != nil {
		return nil, fmt.Errorf("read the registered documents: %w", err)
	}
	return all, nil
}

// Add puts documents that fit the schema (Check) on the list, all or none, and returns how many were not on it before. An
// id stands for one text: it is a CONFLICT if it is on the list with another one.
func (r *Registry) Add(ctx context.Context, viewer auth.Viewer, documents []Document) (added int, err error) {
	at := pg.Timestamp(r.now())
	err = r.change(ctx, func(tx *gorm.DB) error {
		var ids []string
		for _, d := range documents {
			result := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Registered{ID: d.ID, Body: d.Body, CreatedAt: at})
			if result.Error != nil {
				return fmt.Errorf("register a document: %w", result.Error)
			}
			if result.RowsAffected > 0 {
				ids = append(ids, d.ID)
				continue
			}
			var same bool
			if err := tx.Raw("SELECT body = ? FROM registered_documents WHERE id = ?", d.Body, d.ID).Scan(&same).Error; err != nil {
				return fmt.Errorf("compare a document: %w", err)
			}
			if !same {
				return fault.New(fault.CodeConflict, "the id %s stands for another document: remove that one, or choose another id", d.ID)
			}
		}
		var count int64
		if err := tx.Model(&Registered{}).Count(&count).Error; err != nil {
			return fmt.Errorf("count the registered documents: %w", err)
		}
		if count > documentsMax {
			return fault.New(fault.CodeConflict, "%d documents would be registered, and %d may be: remove some", count, documentsMax)
		}
		if added = len(ids); added == 0 {
			return nil
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditDocumentsRegistered, After: listed(ids)})
	})
	return added, err
}

// Remove takes documents off the list and returns the ids of those that were on it.
func (r *Registry) Remove(ctx context.Context, viewer auth.Viewer, ids []string) (removed []string, err error) {
	err = r.change(ctx, func(tx *gorm.DB) error {
		var gone []string
		err := tx.Raw("DELETE FROM registered_documents WHERE id = ANY(?) RETURNING id", pg.Array(ids)).Scan(&gone).Error
		if err != nil {
			return fmt.Errorf("remove documents: %w", err)
		}
		slices.Sort(gone)
		if removed = gone; len(gone) == 0 {
			return nil
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditDocumentsRemoved, Before: listed(gone)})
	})
	return removed, err
}

// listed is what the audit keeps of documents.
func listed(ids []string) map[string]any {
	return map[string]any{"documents": len(ids), "ids": ids[:min(len(ids), idsShown)]}
}

// change changes the list in one transaction. The version's row is locked first, so that changes come one after another.
func (r *Registry) change(ctx context.Context, do func(tx *gorm.DB) error) error {
	return r.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE registered_documents_version SET version = version + 1").Error; err != nil {
			return errors.Join(errors.New("change the registered documents"), err)
		}
		return do(tx)
	})
}
