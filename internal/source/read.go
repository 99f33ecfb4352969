package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// SourceValue is a field of a response, as it was found and understood.
type SourceValue struct{ Field, Path, Value string }

// SourceFault says what is wrong with a delivery.
type SourceFault struct {
	Code    string
	Message string
	Field   *string // of the response; nil: the delivery as a whole
	Path    *string // at which it was looked for; nil: at none
}

// reader reads payloads by a mapping.
type reader []*target

// target is a field with its paths. The first path that finds something counts.
type target struct {
	name string
	field
	paths []string
}

func newReader(mapping []model.SourceMapping) reader {
	var r reader
	for _, m := range mapping {
		at := slices.IndexFunc(r, func(t *target) bool { return t.name == m.Field })
		if at < 0 {
			f, _ := fieldOf(m.Field) // an unknown one was refused
			at, r = len(r), append(r, &target{name: m.Field, field: f})
		}
		r[at].paths = append(r[at].paths, m.Path)
	}
	return r
}

// read reads a payload, which is valid JSON. It returns all faults together.
func (r reader) read(payload []byte) (in intake.SubmitResponseInput, found []*SourceValue, faults []*SourceFault) {
	in.Customer = new(customer.CustomerInput)
	for _, t := range r {
		path, values := t.find(payload)
		if len(values) == 0 {
			if slices.Contains(required, t.name) {
				faults = append(faults, newFault(t.name, path, "nothing was found: "+t.name+" is needed"))
			}
			continue
		}
		if !t.many && len(values) > 1 {
			faults = append(faults, newFault(t.name, path, fmt.Sprintf("%d values were found where one is wanted: name one of them", len(values))))
			continue
		}
		shown, err := t.set(&in, values)
		if err != nil {
			faults = append(faults, newFault(t.name, path, err.Error()))
			continue
		}
		found = append(found, &SourceValue{Field: t.name, Path: path, Value: shown})
	}
	return in, found, faults
}

// find returns what the first path finds that finds something; otherwise all paths.
func (t *target) find(payload []byte) (path string, values []gjson.Result) {
	for _, path := range t.paths {
		if values := leaves(nil, gjson.GetBytes(payload, path)); len(values) > 0 {
			return path, values
		}
	}
	return strings.Join(t.paths, " or "), nil
}

// leaves appends the values of lists within lists. Null and blank texts are nothing.
func leaves(all []gjson.Result, r gjson.Result) []gjson.Result {
	switch {
	case !r.Exists(), r.Type == gjson.Null, r.Type == gjson.String && strings.TrimSpace(r.Str) == "":
		return all
	case r.IsArray():
		r.ForEach(func(_, v gjson.Result) bool {
			all = leaves(all, v)
			return true
		})
		return all
	}
	return append(all, r)
}

func newFault(field, path, message string) *SourceFault {
	return &SourceFault{Code: string(fault.CodeBadUserInput), Message: message, Field: &field, Path: &path}
}

// faultsOf are the faults that intake finds in a response, with the paths at which their values were found; nil where the
// error is none of the caller's.
func faultsOf(err error, found []*SourceValue) (faults []*SourceFault) {
	for _, f := range fault.All(err) {
		one := &SourceFault{Code: string(f.Code), Message: f.Message}
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Argument, "input."), "[") // drivers[1]
		if name != "" {
			one.Field = &name
		}
		for _, v := range found {
			if v.Field == name || strings.HasPrefix(v.Field, name+".") && one.Path == nil {
				one.Path = &v.Path
			}
		}
		faults = append(faults, one)
	}
	return faults
}
