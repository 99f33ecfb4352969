package importer

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// saveDigests adds to who is to be told of old responses when the import ends, in the transaction of their batch.
func saveDigests(tx *gorm.DB, id model.ImportID, told []Digest) error {
	for _, d := range told {
		err := tx.Exec(`INSERT INTO import_digests AS d (import_id, to_fold, "to", assigned, told) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (import_id, to_fold) DO UPDATE SET assigned = d.assigned + excluded.assigned, told = d.told + excluded.told`,
			id, model.Fold(d.To), d.To, d.Assigned, d.Told).Error
		if err != nil {
			return fmt.Errorf("store who is told of old responses: %w", err)
		}
	}
	return nil
}

// sendDigests queues one mail for each person who is to be told of old responses, in the transaction that ends the import.
func (u *Uploads) sendDigests(tx *gorm.DB, id model.ImportID) error {
	var addresses []string
	if err := tx.Raw(`SELECT "to" FROM import_digests WHERE import_id = ? ORDER BY to_fold`, id).Scan(&addresses).Error; err != nil {
		return fmt.Errorf("read who is told of old responses: %w", err)
	}
	if len(addresses) == 0 {
		return nil
	}
	now := pg.Timestamp(u.now())
	mails := make([]model.Notification, len(addresses))
	for i, to := range addresses {
		mails[i] = model.Notification{Kind: model.NotifyOldResponses, To: to, ImportID: &id, CreatedAt: now}
	}
	return pg.Pipelined(tx, func(p *pg.Pipeline) { u.in.AddMail(p, mails) })
}
