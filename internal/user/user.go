// Package user owns users, their scopes and their API tokens, and makes the first administrator. Each exported write is
// one transaction, and only administrators may call it.
//
// It refuses to sign users in (package auth does), and to reassign cases (casework does, in this package's transaction).
package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Users writes the users of one database.
type Users struct {
	revisions *configuration.Revisions
	work      *casework.Work
	log       *event.Log
	now       func() time.Time
}

// New makes the writes. work reassigns the cases of a user who leaves.
func New(revisions *configuration.Revisions, work *casework.Work, log *event.Log, now func() time.Time) *Users {
	return &Users{revisions: revisions, work: work, log: log, now: now}
}

func (s *Users) clock() time.Time { return pg.Timestamp(s.now()) }

// CreateUserInput is a new user.
type CreateUserInput struct {
	Name         string
	Email        string
	Role         model.Role
	Scope        *ScopeInput // nil: the user may see everything
	PersonalData *bool       // nil: true
}

// CreateUserPayload is the new user.
type CreateUserPayload struct{ User *model.User }

// UpdateUserInput changes a user; an absent field stays.
type UpdateUserInput struct {
	UserID       model.UserID
	Name         graphql.Omittable[*string]
	Email        graphql.Omittable[*string]
	Role         graphql.Omittable[*model.Role]
	Active       graphql.Omittable[*bool]
	Scope        graphql.Omittable[*ScopeInput]
	PersonalData graphql.Omittable[*bool]
	ReassignTo   *model.UserID
}

// UpdateUserPayload has the number of cases that are assigned to the user and not closed.
type UpdateUserPayload struct {
	User      *model.User
	CasesLeft int
}

// Create makes a user.
func (s *Users) Create(ctx context.Context, viewer auth.Viewer, in CreateUserInput) (*CreateUserPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	name, err := model.CheckName(in.Name)
	if err != nil {
		err = fault.Input("input.name", "%s", err.Error())
	}
	user := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: in.Email, Role: in.Role, Active: true, CreatedAt: s.clock()}
	user.Fold()
	ofScope := in.Scope.apply(user)
	user.PersonalDataHidden = in.PersonalData != nil && !*in.PersonalData
	if err := fault.Join(err, ofScope, checkRestrictions(user)); err != nil {
		return nil, err
	}
	err = s.change(ctx, func(tx *gorm.DB) error { return create(tx, viewer, user) })
	if err != nil {
		return nil, emailTaken(err)
	}
	return &CreateUserPayload{User: user}, nil
}

// change runs a transaction that changes users, one at a time: two administrators who remove each other cannot both succeed.
func (s *Users) change(ctx context.Context, do func(tx *gorm.DB) error) error {
	return s.revisions.Change(ctx, func(tx *gorm.DB) error {
		if err := configuration.Lock(tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// create stores a new user, with its entry in the audit.
func create(tx *gorm.DB, viewer auth.Viewer, user *model.User) error {
	if err := tx.Create(user).Error; err != nil {
		return err
	}
	return audit.Append(tx, viewer, audit.Entry{Action: model.AuditUserCreated, Object: user.ID, After: user})
}

func emailTaken(err error) error {
	if pg.Violates(err, "users_email_key") {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.email", Message: "another user has this e-mail address"}
	}
	return err
}

// Update changes a user. A user who becomes inactive, or gets a role that works no cases, keeps the assigned cases unless
// the same call reassigns them.
func (s *Users) Update(ctx context.Context, viewer auth.Viewer, in UpdateUserInput) (*UpdateUserPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	out := new(UpdateUserPayload)
	err := s.change(ctx, func(tx *gorm.DB) error {
		user := new(model.User)
		// Calls that have locked a case, and record that this user had it, must not wait: this call locks cases next.
		ofUser := tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id = ?", in.UserID).Take(user).Error
		if errors.Is(ofUser, gorm.ErrRecordNotFound) {
			ofUser = fault.NotFound("input.userId", "there is no such user")
		} else if ofUser != nil {
			return fmt.Errorf("read a user: %w", ofUser)
		}
		was := *user
		faults := []error{ofUser, in.apply(user)}
		if was.Role == model.Admin && was.Active && (user.Role != model.Admin || !user.Active) {
			faults = append(faults, anotherAdmin(tx, user.ID))
		}
		var successor *model.User
		if in.ReassignTo != nil {
			var err error
			successor, err = casework.LockSuccessor(tx, "input.reassignTo", user, *in.ReassignTo)
			faults = append(faults, err)
		}
		if err := fault.Join(faults...); err != nil {
			return err
		}
		err := tx.Model(&model.User{}).Where("id = ?", user.ID).
			Select("Name", "NameFold", "Email", "EmailFold", "Role", "Active", "ScopeCustomer", "ScopeResponse", "OwnCasesOnly", "PersonalDataHidden").
			Updates(user).Error
		if err != nil {
			return emailTaken(err)
		}
		if err := audit.Append(tx, viewer, audit.Entry{Action: model.AuditUserUpdated, Object: user.ID, Before: &was, After: user}); err != nil {
			return err
		}
		if successor != nil {
			if err := s.work.Reassign(tx, viewer, user.ID, successor); err != nil {
				return err
			}
		}
		var left int64
		err = tx.Model(&model.Case{}).Where("assignee_id = ? AND status <> 'CLOSED'", user.ID).Count(&left).Error
		*out = UpdateUserPayload{User: user, CasesLeft: int(left)}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.log.Wake()
	return out, nil
}

// apply checks the given fields and sets them on the user. It returns all faults together; the user is then of no use.
func (in UpdateUserInput) apply(u *model.User) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	if name, given := in.Name.ValueOK(); given && name == nil {
		refuse(fault.NotNull("name"))
	} else if given {
		var err error
		if u.Name, err = model.CheckName(*name); err != nil {
			refuse(fault.Input("input.name", "%s", err.Error()))
		}
	}
	if email, given := in.Email.ValueOK(); given && email == nil {
		refuse(fault.NotNull("email"))
	} else if given {
		u.Email = *email
	}
	if role, given := in.Role.ValueOK(); given && role == nil {
		refuse(fault.NotNull("role"))
	} else if given {
		u.Role = *role
	}
	if active, given := in.Active.ValueOK(); given && active == nil {
		refuse(fault.NotNull("active"))
	} else if given {
		u.Active = *active
	}
	if scope, given := in.Scope.ValueOK(); given {
		refuse(scope.apply(u))
	}
	if personal, given := in.PersonalData.ValueOK(); given && personal == nil {
		refuse(fault.NotNull("personalData"))
	} else if given {
		u.PersonalDataHidden = !*personal
	}
	u.Fold()
	return fault.Join(append(faults, checkRestrictions(u))...)
}

// anotherAdmin refuses to remove the last active administrator. The caller is in change.
func anotherAdmin(tx *gorm.DB, except model.UserID) error {
	var n int64
	if err := tx.Model(&model.User{}).Where("role = 'ADMIN' AND active AND id <> ?", except).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.userId", Message: "this is the last active administrator; create another one first"}
	}
	return nil
}
