package event

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// Read reads an event that exists, in the caller's transaction, as Append returned it. It has no cursor yet; Log.Cursor
// gives one.
func Read(tx *gorm.DB, id model.EventID) (*model.LoggedEvent, error) {
	var row model.Event
	if err := tx.Where("id = ?", id).Take(&row).Error; err != nil {
		return nil, fmt.Errorf("read an event: %w", err)
	}
	then, _, err := decode(&row)
	if err != nil {
		return nil, err
	}
	return &model.LoggedEvent{Event: row, Then: then, Matches: true}, nil
}
