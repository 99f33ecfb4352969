package sample

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/model"
)

// Who looks after which customers is in the table of places, by these addresses.
const (
	ingrid = "ingrid.vandenberg@example.com"
	thiago = "thiago.nascimento@example.com"
	lena   = "lena.hoffmann@example.com"
	chloe  = "chloe.marchand@example.com"
	amara  = "amara.okonkwo@example.com"
	haruka = "haruka.ito@example.com"
	feeder = "survey.tool@example.com"

	// leftUs is still in the customers' data, as happens, but no user any more: rules fall back.
	leftUs = "robin.moss@example.com"
)

type member struct {
	name, email string
	role        model.Role
	offset      int // hours that their clock is ahead of UTC
}

var team = []member{
	{"Ingrid van den Berg", ingrid, model.Manager, 1},
	{"Thiago Nascimento", thiago, model.Agent, -3},
	{"Lena Hoffmann", lena, model.Agent, 1},
	{"Chloé Marchand", chloe, model.Agent, 1},
	{"Amara Okonkwo", amara, model.Agent, 0},
	{"伊藤 遥 (Haruka Ito)", haruka, model.Agent, 9},
	{"Magnus Lindqvist", "magnus.lindqvist@example.com", model.Stakeholder, 1},
	{"Elif Demir (Nordwind Partners)", "elif.demir@example.com", model.Partner, 3},
	{"Survey tool", feeder, model.Intake, 0},
}

// crew is the team as users.
type crew struct {
	byEmail map[string]*model.User
	workers []*model.User // who can be assigned; the manager first while there is one
	offset  map[model.UserID]int
}

// meet finds who of the team is there.
func meet(ctx context.Context, db *pg.DB) (*crew, error) {
	c := &crew{byEmail: map[string]*model.User{}, offset: map[model.UserID]int{}}
	emails := make([]string, len(team))
	for i, m := range team {
		emails[i] = model.Fold(m.email)
	}
	var users []*model.User
	if err := db.Gorm.WithContext(ctx).Where("email_fold IN ?", emails).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("find the team: %w", err)
	}
	for _, u := range users {
		c.byEmail[u.EmailFold] = u
	}
	for _, m := range team {
		u := c.byEmail[m.email]
		if u == nil {
			continue
		}
		c.offset[u.ID] = m.offset
		if u.CanBeAssigned() {
			c.workers = append(c.workers, u)
		}
	}
	return c, nil
}

// of is who works the case of this assignee: they, or the first of the team where it is nobody's.
func (c *crew) of(assignee *model.UserID) *model.User {
	for _, u := range c.workers {
		if assignee != nil && u.ID == *assignee {
			return u
		}
	}
	return c.workers[0]
}

// hire makes the team and the settings. A user who exists already, from a start that was cut off, stays.
func hire(ctx context.Context, db *pg.DB, u *user.Users, config *settings.Settings) (*crew, error) {
	system := auth.System("sample data")
	for _, m := range team {
		_, err := u.Create(ctx, system, user.CreateUserInput{Name: m.name, Email: m.email, Role: m.role})
		if err != nil && !fault.Is(err, fault.CodeConflict) {
			return nil, fmt.Errorf("make the user %s: %w", m.email, err)
		}
	}
	_, err := config.Update(ctx, system, settings.UpdateSettingsInput{
		Currency: graphql.OmittableOf(new("EUR")), TimeZone: graphql.OmittableOf(new("Europe/Amsterdam")),
		CentralAddresses: graphql.OmittableOf([]string{"customer.care@example.com", "nps.office@example.com"}),
	})
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return meet(ctx, db)
}
