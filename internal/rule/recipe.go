package rule

import (
	"encoding/json"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Recipe is a ready rule to start from.
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

// Recipes are what teams that close the loop begin with.
func Recipes() []*Recipe {
	asked, twoDays := true, model.Duration(48*time.Hour)
	return []*Recipe{
		{
			Key: "detractors", Name: "Close the loop with detractors",
			Description: "Opens a case for every answer from 0 to 6 and tells whoever gets it: call within 48 hours, find the root cause, say what changes.",
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
			Description: "Opens a case for everybody who asks to be contacted, whatever their score, and tells the central addresses.",
			Scores:      []int{}, ContactRequested: &asked, OpensCase: true, FollowUpTarget: &twoDays,
			Notify: []model.RecipientKind{model.RecipientCentral},
		},
		{
			Key: "promoters", Name: "Hear of promoters",
			Description: "Opens no case, and tells the account manager of every 9 and 10: somebody to thank, and to quote.",
			Scores:      []int{9, 10}, Notify: []model.RecipientKind{model.RecipientAccountManager},
		},
	}
}
