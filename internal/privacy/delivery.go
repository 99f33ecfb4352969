package privacy

import (
	"encoding/json"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// eraseDeliveries removes what sources keep of the customer's deliveries. A delivery that made no response names its customer
// in its payload alone: it goes too if its text has one of the customer's names, addresses, numbers or ids anywhere. That may
// be the payload of somebody else, which is kept for a short time only anyway. The responses have been erased before, so that
// a delivery that is being recorded either has been seen here, or keeps no payload.
func eraseDeliveries(tx *gorm.DB, was *model.Customer, others []string) error {
	words := others
	for _, word := range []*string{was.Email, was.Phone, was.ExternalID, was.FirstName, was.LastName} {
		if word != nil {
			words = append(words, *word)
		}
	}
	quoted := make([]string, 0, 2*len(words))
	for _, word := range words {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		text, err := json.Marshal(word)
		if err != nil {
			return err
		}
		inside := string(text[1 : len(text)-1])
		quoted = append(quoted, inside, strings.ToLower(inside))
	}
	err := tx.Exec(`UPDATE source_deliveries d SET payload = NULL, error = NULL WHERE (payload IS NOT NULL OR error IS NOT NULL)
		AND (response_id IN (SELECT id FROM responses WHERE customer_id = @customer) OR response_id IS NULL
			AND EXISTS (SELECT 1 FROM unnest(CAST(@words AS text[])) AS w(word) WHERE strpos(payload, word) > 0 OR strpos(lower(payload), word) > 0
				OR strpos(lower(error), word) > 0))`, map[string]any{"customer": was.ID, "words": pg.Array(quoted)}).Error
	if err != nil {
		return fmt.Errorf("erase the deliveries of sources: %w", err)
	}
	return nil
}

// responseIDs are the ids of the customer's responses in survey tools, before they are erased.
func responseIDs(tx *gorm.DB, id model.CustomerID) (ids []string, err error) {
	err = tx.Raw("SELECT external_id FROM responses WHERE customer_id = ? AND external_id IS NOT NULL", id).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("read the ids of responses: %w", err)
	}
	return ids, nil
}
