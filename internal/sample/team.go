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

// The table of places says by these addresses which member of the team looks after which customers.
const (
	ingrid     = "ingrid.vandenberg@example.com"
	thiago     = "thiago.nascimento@example.com"
	lena       = "lena.hoffmann@example.com"
	chloe      = "chloe.marchand@example.com"
	amara      = "amara.okonkwo@example.com"
	haruka     = "haruka.ito@example.com"
	surveyTool = "survey.tool@example.com"

	// formerManager still appears in the customers' data but is not a user any more, so that rules use their fallback.
	formerManager = "robin.moss@example.com"
)

type member struct {
	name, email string
	role        model.Role
	offset      int // hours ahead of UTC
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
	{"Survey tool", surveyTool, model.Intake, 0},
}

// staff is the team as users of the database.
type staff struct {
	byEmail map[string]*model.User
	workers []*model.User // users to whom cases can be assigned; the manager first, if there is one
	offset  map[model.UserID]int
}

// findStaff loads the members of the team that are users of the database.
func findStaff(ctx context.Context, db *pg.DB) (*staff, error) {
	c := &staff{byEmail: map[string]*model.User{}, offset: map[model.UserID]int{}}
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

// workerFor returns the user who works on a case with this assignee: the assignee, or the first worker where the case is
// unassigned or its assignee is not of the staff.
func (c *staff) workerFor(assignee *model.UserID) *model.User {
	for _, u := range c.workers {
		if assignee != nil && u.ID == *assignee {
			return u
		}
	}
	return c.workers[0]
}

// createStaff creates the users of the team and the settings. Users that an interrupted start has created already stay.
func createStaff(ctx context.Context, db *pg.DB, u *user.Users, config *settings.Settings) (*staff, error) {
	system := auth.System("sample data")
	for _, m := range team {
		_, err := u.Create(ctx, system, user.CreateUserInput{Name: m.name, Email: m.email, Role: m.role})
		if err != nil && !fault.Is(err, fault.CodeConflict) {
			return nil, fmt.Errorf("create the user %s: %w", m.email, err)
		}
	}
	_, err := config.Update(ctx, system, settings.UpdateSettingsInput{
		Currency: graphql.OmittableOf(new("EUR")), TimeZone: graphql.OmittableOf(new("Europe/Amsterdam")),
		CentralAddresses: graphql.OmittableOf([]string{"customer.care@example.com", "nps.office@example.com"}),
	})
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return findStaff(ctx, db)
}
