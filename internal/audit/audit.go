// Package audit owns the record of who changed the configuration, who erased or exported customers, and who signed in. A
// change is recorded in its own transaction, so that neither exists without the other. Records outlive erasures and
// revocations: they hold no secret, no token, and no data of a customer except the customer's ID.
//
// It refuses to record the work on cases, which the log of events has, and to undo a change.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Entry is what a change adds to the record. Before and After are the object's rows (*model.User and the like) or maps; nil
// where there is none. Of an object that was changed, only the fields that differ are kept, and where none differs, nothing
// is recorded.
type Entry struct {
	Action        model.AuditAction
	Object        fmt.Stringer // the object's ID; nil: the object has none
	Before, After any
	Always        bool // recorded even if no field differs: what changed is in no state, such as a secret
}

// Append records a change in the change's transaction.
func Append(tx *gorm.DB, viewer auth.Viewer, e Entry) error {
	m := newMarks()
	before, err := m.state(e.Before)
	if err != nil {
		return err
	}
	after, err := m.state(e.After)
	if err != nil {
		return err
	}
	if before != nil && after != nil {
		dropEqual(before, after)
		if len(before)+len(after) == 0 && !e.Always {
			return nil
		}
	}
	row := model.AuditEvent{
		ID: model.AuditEventID{UUID: model.NewUUID()}, At: pg.Timestamp(tx.NowFunc()), Action: e.Action, ObjectType: e.Action.Object(),
		Program: optional(viewer.Program()), Address: optional(viewer.Address), Times: 1,
	}
	if viewer.User != nil {
		row.ActorID = &viewer.User.ID
		if viewer.TokenID != (model.ApiTokenID{}) {
			row.TokenID = &viewer.TokenID
		}
	}
	if e.Object != nil {
		id := e.Object.String()
		row.ObjectID = &id
	}
	if row.Before, err = encode(before); err != nil {
		return err
	}
	if row.After, err = encode(after); err != nil {
		return err
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("record %s in the audit: %w", e.Action, err)
	}
	return nil
}

// Record records what changes no row of its own, such as an export, in a transaction of its own.
func Record(ctx context.Context, db *pg.DB, viewer auth.Viewer, e Entry) error {
	return db.Tx(ctx, func(tx *gorm.DB) error { return Append(tx, viewer, e) })
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// dropEqual removes the fields that a change left as they were.
func dropEqual(before, after map[string]any) {
	for name, was := range before {
		if is, ok := after[name]; ok && reflect.DeepEqual(was, is) {
			delete(before, name)
			delete(after, name)
		}
	}
}

func encode(fields map[string]any) (json.RawMessage, error) {
	if fields == nil {
		return nil, nil
	}
	return json.Marshal(fields)
}
