package theme

import (
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

// Transactions that save submitted responses share keywordsLock; a transaction that changes keywords has it alone.
const keywordsLock pg.AdvisoryLock = "closeloop keywords"

// LockKeywords waits for the transactions that are saving submitted responses, and makes later ones wait until the caller's
// transaction ends. A write of themes calls it before it changes keywords. So every response is either committed before the
// change, where a run over past responses finds it, or tagged with the new keywords when it is saved. None is missed.
func LockKeywords(tx *gorm.DB) error {
	return pg.WrapErr("lock the keywords", keywordsLock.Lock(tx))
}

// ShareKeywords prevents changes of keywords until the caller's transaction ends. Several transactions may hold this lock.
func ShareKeywords(tx *gorm.DB) error {
	return pg.WrapErr("lock the keywords, shared", keywordsLock.LockShared(tx))
}
