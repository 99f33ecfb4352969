package web

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// pageType is what the pages read of one type of event.
type pageType struct {
	Label  string      `json:"label"`
	System string      `json:"system"` // the cause where no user did it
	Fields []pageField `json:"fields"`
}

type pageField struct {
	Name  string `json:"name"`  // in the answer to the pages' queries
	Words string `json:"words"` // with one {format} for the value
}

// eventTypes writes the table of event types as the module event-types.js, so that the pages have words for every type
// and ask for the fields that those words need.
func eventTypes(types []model.CaseEventType) ([]byte, error) {
	words := make(map[model.CaseEventType]pageType, len(types))
	var fragments []string
	for _, of := range types {
		spec := of.Spec()
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
		words[of] = page
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
	return fmt.Appendf(nil, `// The table of event types, made from package model. eventFields selects what its words need.
export const eventTypes = %s;
export const eventFields = %s;
`, table, selection), nil
}
