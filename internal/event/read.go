package event

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// Read reads an event that is there, in the caller's transaction, as Append answered with it: its place in the feed is
// Cursor's to say.
func Read(tx *gorm.DB, id model.EventID) (*model.LoggedEvent, error) {
	var row model.Event
	if err := tx.Where("id = ?", id).Take(&row).Error; err != nil {
		return nil, fmt.Errorf("read an event again: %w", err)
	}
	then, _, err := decode(&row)
	if err != nil {
		return nil, err
	}
	return &model.LoggedEvent{Event: row, Then: then, Matches: true}, nil
}
