package web

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// pageType is one row of the table of event types, as the pages read it.
type pageType struct {
	Label  string      `json:"label"`
	System string      `json:"system"` // names the actor of events without a user
	Fields []pageField `json:"fields"`
}

type pageField struct {
	Name  string `json:"name"`  // in the results of the pages' queries
	Words string `json:"words"` // contains one {format}, which stands for the value
}

// eventTypes writes the table of event types as the JavaScript module event-types.js. So the pages have words for every
// type, and select the fields that these words need.
func eventTypes(types []model.CaseEventType) ([]byte, error) {
	words := make(map[model.CaseEventType]pageType, len(types))
	var fragments []string
	for _, eventType := range types {
		spec := eventType.Spec()
		page := pageType{Label: spec.Label, System: spec.System, Fields: []pageField{}}
		var selected []string
		for _, field := range spec.Fields {
			if field.Select == "" {
				continue
			}
			selected = append(selected, field.Select)
			if field.Words != "" {
				page.Fields = append(page.Fields, pageField{strings.Fields(field.Select)[0], field.Words})
			}
		}
		words[eventType] = page
		if len(selected) > 0 {
			fragments = append(fragments, "... on "+spec.GraphQL+" { "+strings.Join(selected, " ")+" }")
		}
	}
	table, err := json.MarshalIndent(words, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the table of event types: %w", err)
	}
	selection, err := json.Marshal(strings.Join(fragments, " "))
	if err != nil {
		return nil, fmt.Errorf("encode the fields of event types: %w", err)
	}
	return fmt.Appendf(nil, `// The table of event types, generated from package model. eventFields selects the fields that its words need.
export const eventTypes = %s;
export const eventFields = %s;
`, table, selection), nil
}
