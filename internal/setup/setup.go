// Package setup owns the writes that configure: users, tokens, rules, webhooks and settings. An exported method is one
// transaction.
//
// It refuses what closes the loop (casework's), and calls there where a user who leaves hands their cases on.
package setup

import (
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const nameMax = 200 // characters

// Setup carries the writes out.
type Setup struct {
	db   *pg.DB
	work *casework.Work
	log  *event.Log
	now  func() time.Time

	egress egress.Policy
}

// New makes the writes of one database.
func New(db *pg.DB, work *casework.Work, log *event.Log, now func() time.Time) *Setup {
	return &Setup{db: db, work: work, log: log, now: now}
}

func (s *Setup) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func checkName(argument, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fault.Input(argument, "a name is needed")
	case utf8.RuneCountInString(name) > nameMax:
		return "", fault.Input(argument, "a name has %d characters at most", nameMax)
	}
	if err := model.CheckText(name); err != nil {
		return "", fault.Input(argument, "%s", err.Error())
	}
	return name, nil
}

// exists tells whether a user is there; a rule or a token must not name nobody.
func exists(tx *gorm.DB, argument string, id *model.UserID) error {
	if id == nil {
		return nil
	}
	var n int64
	if err := tx.Model(&model.User{}).Where("id = ?", *id).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return fault.NotFound(argument, "there is no such user")
	}
	return nil
}
