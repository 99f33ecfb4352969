package configuration

import (
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

// lock is shared by transactions that save responses. The functions in migrations/00017_configuration.sql name it too.
const lock pg.AdvisoryLock = "closeloop configuration"

// Lock waits for the transactions that are saving responses and for other changes, and makes later ones wait until the
// caller's transaction ends. A change of what decides about responses (users, rules, themes, settings) calls it before
// it takes other locks. So every response is either committed before the change, or decided by what the change has made
// of the configuration.
func Lock(tx *gorm.DB) error { return lock.Lock(tx) }

// Share adds to a pipeline what prevents such changes until the transaction ends, and sets revision. Several transactions
// may share. It is the transaction's first lock, after an idempotency key.
func Share(p *pg.Pipeline, revision *Revision) {
	p.Query("share the configuration", "SELECT share_configuration()", nil, func(rows pgx.Rows) (err error) {
		*revision, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[Revision])
		return err
	})
}
