package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/text"
	"github.com/closeloop/closeloop/model"
)

const (
	mappingMax = 200
	valuesMax  = 20
	secretMin  = 16 // characters: whoever has seen a delivery could try shorter ones
)

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// apply checks the given fields and sets them on the source. It returns all faults together; the source is then of no use.
func (in UpdateSourceInput) apply(one *model.Source) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	if v, ok := in.Name.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("name"))
	} else if ok {
		if one.Name = *v; !sourceName.MatchString(one.Name) {
			refuse(fault.Input("input.name", "a name stands in the address: at most 63 lower-case letters, digits and hyphens, such as typeform-shop"))
		}
	}
	if v, ok := in.Survey.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("survey"))
	} else if ok {
		one.Survey = strings.TrimSpace(*v)
		if refuse(text.Short("input.survey", one.Survey)); one.Survey == "" {
			refuse(fault.Input("input.survey", "a survey needs a name"))
		}
	}
	if v, ok := in.Mapping.ValueOK(); ok {
		var err error
		one.Mapping, err = mappingOf(one.Tool, v)
		refuse(err)
	}
	if v, ok := in.Condition.ValueOK(); ok {
		refuse(checkCondition(v))
		one.Condition = v
	}
	if v, ok := in.OnConflict.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("onConflict"))
	} else if ok {
		one.OnConflict = string(*v)
	}
	if v, ok := in.Secret.ValueOK(); ok {
		refuse(checkSecret(one.Tool, v))
		one.Secret = v
	}
	if v, ok := in.UserID.ValueOK(); ok {
		one.UserID = v
	}
	return fault.Join(faults...)
}

// mappingOf checks the given paths, and adds the tool's own for the fields that have none.
func mappingOf(tool model.SourceTool, given []*model.SourceMapping) ([]model.SourceMapping, error) {
	if len(given) > mappingMax {
		return nil, fault.Input("input.mapping", "at most %d paths", mappingMax)
	}
	var faults []error
	var list []model.SourceMapping
	for i, m := range given {
		at := fmt.Sprintf("input.mapping[%d]", i)
		if _, ok := fieldOf(m.Field); !ok {
			faults = append(faults, fault.Input(at+".field", "%q is no field of a response; the fields are %s", m.Field, strings.Join(fieldNames(), ", ")))
		} else {
			faults = append(faults, text.Short(at+".field", m.Field))
		}
		faults = append(faults, checkPath(at+".path", m.Path))
		list = append(list, *m)
	}
	all := presets[tool].with(list)
	for _, name := range required {
		if !slices.ContainsFunc(all, func(m model.SourceMapping) bool { return m.Field == name }) {
			faults = append(faults, fault.Input("input.mapping", "the mapping needs a path to %s", name))
		}
	}
	return all, fault.Join(faults...)
}

func checkPath(argument, path string) error {
	if strings.TrimSpace(path) == "" {
		return fault.Input(argument, "a path must not be blank")
	}
	return text.Short(argument, path)
}

func checkCondition(c *model.SourceCondition) error {
	if c == nil {
		return nil
	}
	faults := []error{checkPath("input.condition.path", c.Path)}
	if len(c.Values) == 0 || len(c.Values) > valuesMax {
		faults = append(faults, fault.Input("input.condition.values", "a condition has 1 to %d values", valuesMax))
	}
	for i, v := range c.Values {
		faults = append(faults, text.Short(fmt.Sprintf("input.condition.values[%d]", i), v))
	}
	return fault.Join(faults...)
}

func checkSecret(tool model.SourceTool, secret *string) error {
	if secret == nil {
		return nil
	}
	if _, signs := schemes[tool]; !signs {
		return fault.Input("input.secret", "closeloop knows no signature of this tool: have it send a token in the header Authorization")
	}
	if len([]rune(*secret)) < secretMin {
		return fault.Input("input.secret", "a secret has at least %d characters", secretMin)
	}
	return text.Short("input.secret", *secret)
}
