package rule

import (
	"encoding/json"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Recipe is a template of a rule.
type Recipe struct {
	Key              string
	Name             string
	Description      string
	Scores           []int
	ContactRequested *bool
	Filter           json.RawMessage
	OpensCase        bool
	FollowUpTarget   *model.Duration
	Notify           []model.RecipientKind
}

// Recipes returns the templates that a team starts with.
func Recipes() []*Recipe {
	asked, twoDays := true, model.Duration(48*time.Hour)
	return []*Recipe{
		{
			Key: "detractors", Name: "Close the loop with detractors",
			Description: "Opens a case for every answer from 0 to 6 and alerts its assignee: call within 48 hours, find the root cause, say what changes.",
			Scores:      []int{0, 1, 2, 3, 4, 5, 6}, OpensCase: true, FollowUpTarget: &twoDays,
			Notify: []model.RecipientKind{model.RecipientAssignee},
		},
		{
			Key: "passives", Name: "Win passives over",
			Description: "Opens a case for every 7 and 8: thank them, ask what would make it a 9 or a 10, and say when you ask again.",
			Scores:      []int{7, 8}, OpensCase: true, FollowUpTarget: &twoDays,
			Notify: []model.RecipientKind{model.RecipientAssignee},
		},
		{
			Key: "contact-me", Name: "Please contact me",
			Description: "Opens a case for every customer who asks to be contacted, whatever the score, and alerts the central addresses.",
			Scores:      []int{}, ContactRequested: &asked, OpensCase: true, FollowUpTarget: &twoDays,
			Notify: []model.RecipientKind{model.RecipientCentral},
		},
		{
			Key: "promoters", Name: "Learn about promoters",
			Description: "Opens no case, and alerts the account manager to every 9 and 10: a customer to thank, and to quote.",
			Scores:      []int{9, 10}, Notify: []model.RecipientKind{model.RecipientAccountManager},
		},
	}
}
