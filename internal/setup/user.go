package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// CreateUserInput is a new user.
type CreateUserInput struct {
	Name         string
	Email        string
	Role         model.Role
	Scope        *ScopeInput // nil: everything
	PersonalData *bool       // nil: true
}

// CreateUserPayload is the new user.
type CreateUserPayload struct{ User *model.User }

// UpdateUserInput changes a user; what is absent stays.
type UpdateUserInput struct {
	ID           model.UserID
	Name         graphql.Omittable[*string]
	Email        graphql.Omittable[*string]
	Role         graphql.Omittable[*model.Role]
	Active       graphql.Omittable[*bool]
	Scope        graphql.Omittable[*ScopeInput]
	PersonalData graphql.Omittable[*bool]
	ReassignTo   *model.UserID
}

// UpdateUserPayload counts the cases, not closed, that are still theirs.
type UpdateUserPayload struct {
	User      *model.User
	CasesLeft int
}

// CreateUser makes a user.
func (s *Setup) CreateUser(ctx context.Context, in CreateUserInput) (*CreateUserPayload, error) {
	name, err := checkName("input.name", in.Name)
	if err != nil {
		return nil, err
	}
	user := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: in.Email, Role: in.Role, Active: true, CreatedAt: s.clock()}
	user.Fold()
	if err := in.Scope.apply(user); err != nil {
		return nil, err
	}
	user.PersonalDataHidden = in.PersonalData != nil && !*in.PersonalData
	if err := checkBounds(user); err != nil {
		return nil, err
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error { return tx.Create(user).Error })
	if err != nil {
		return nil, emailTaken(err)
	}
	return &CreateUserPayload{User: user}, nil
}

func emailTaken(err error) error {
	if pg.Violates(err, "users_email_key") {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.email", Message: "another user has this e-mail address"}
	}
	return err
}

// UpdateUser changes a user. Who is made inactive, or given a role that works no cases, keeps their cases unless
// they are handed on in the same step.
func (s *Setup) UpdateUser(ctx context.Context, viewer auth.Viewer, in UpdateUserInput) (*UpdateUserPayload, error) {
	out := new(UpdateUserPayload)
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		// Taken by all updates of users, so that two cannot each take away the other's, the last, administrator.
		if err := tx.Exec("SELECT pg_advisory_xact_lock(hashtext('closeloop users'))").Error; err != nil {
			return err
		}
		user := new(model.User)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.ID).Take(user).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.id", "there is no such user")
		}
		if err != nil {
			return fmt.Errorf("read a user: %w", err)
		}
		was := *user
		if err := in.apply(user); err != nil {
			return err
		}
		if was.Role == model.Admin && was.Active && (user.Role != model.Admin || !user.Active) {
			if err := anotherAdmin(tx, user.ID); err != nil {
				return err
			}
		}
		if in.ReassignTo != nil && user.CanBeAssigned() {
			return fault.Input("input.reassignTo", "cases are handed on only together with active: false, or a role that works no cases")
		}
		err = tx.Model(&model.User{}).Where("id = ?", user.ID).
			Select("Name", "NameFold", "Email", "EmailFold", "Role", "Active", "ScopeCustomer", "ScopeResponse", "OwnCasesOnly", "PersonalDataHidden").
			Updates(user).Error
		if err != nil {
			return emailTaken(err)
		}
		if in.ReassignTo != nil {
			if err := s.work.Reassign(ctx, tx, viewer, user.ID, *in.ReassignTo); err != nil {
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

func (in UpdateUserInput) apply(u *model.User) (err error) {
	name, named := in.Name.ValueOK()
	email, addressed := in.Email.ValueOK()
	role, ranked := in.Role.ValueOK()
	active, switched := in.Active.ValueOK()
	if named {
		if name == nil {
			return notNull("name")
		}
		if u.Name, err = checkName("input.name", *name); err != nil {
			return err
		}
	}
	if addressed {
		if email == nil {
			return notNull("email")
		}
		u.Email = *email
	}
	if ranked {
		if role == nil {
			return notNull("role")
		}
		u.Role = *role
	}
	if switched {
		if active == nil {
			return notNull("active")
		}
		u.Active = *active
	}
	if scope, given := in.Scope.ValueOK(); given {
		if err := scope.apply(u); err != nil {
			return err
		}
	}
	if personal, given := in.PersonalData.ValueOK(); given {
		if personal == nil {
			return notNull("personalData")
		}
		u.PersonalDataHidden = !*personal
	}
	u.Fold()
	return checkBounds(u)
}

func notNull(field string) error {
	return fault.Input("input."+field, "%s can't be cleared; leave it out to keep it", field)
}

func anotherAdmin(tx *gorm.DB, but model.UserID) error {
	var n int64
	if err := tx.Model(&model.User{}).Where("role = 'ADMIN' AND active AND id <> ?", but).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return &fault.Error{Code: fault.CodeConflict, Argument: "input.id", Message: "this is the last active administrator; make another one first"}
	}
	return nil
}
