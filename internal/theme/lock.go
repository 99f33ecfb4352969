package theme

import (
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

// keywordsLock is shared by transactions that take responses in, and taken exclusively by a transaction that changes keywords.
const keywordsLock pg.AdvisoryLock = "closeloop keywords"

// LockKeywords waits for the transactions that are taking responses in, and makes later ones wait until the caller's
// transaction ends; a write of themes calls it before it changes keywords. So a response is either committed before
// the change, and a run over past responses finds it, or tagged by the new keywords as it comes in. None is missed.
func LockKeywords(tx *gorm.DB) error {
	return pg.WrapErr("wait for responses that come in", keywordsLock.Lock(tx))
}

// ShareKeywords keeps all keywords as they are until the caller's transaction ends, and lets other callers do the same.
func ShareKeywords(tx *gorm.DB) error {
	return pg.WrapErr("keep the keywords as they are", keywordsLock.LockShared(tx))
}
