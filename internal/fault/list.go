package fault

import (
	"errors"
	"strings"
)

// List is several errors that the caller can mend at once. Each is shown as an error of its own. errors.As finds the first.
type List []*Error

func (l List) Error() string {
	messages := make([]string, len(l))
	for i, e := range l {
		messages[i] = e.Message
	}
	return strings.Join(messages, "; ")
}

// Unwrap is for errors.Is and errors.As.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Join returns all faults of the errors together: nil if there are none, and the fault itself if there is only one. The
// first error that is no fault is returned alone, because then nobody knows whether the input is at fault.
func Join(errs ...error) error {
	var all List
	for _, err := range errs {
		if err == nil {
			continue
		}
		faults := All(err)
		if len(faults) == 0 {
			return err
		}
		all = append(all, faults...)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// All returns the faults that err is or wraps.
func All(err error) List {
	var l List
	if errors.As(err, &l) {
		return l
	}
	var e *Error
	if errors.As(err, &e) {
		return List{e}
	}
	return nil
}

// each returns err with every fault in it changed; an error without faults is returned unchanged.
func each(err error, change func(*Error)) error {
	faults := All(err)
	if len(faults) == 0 {
		return err
	}
	changed := make(List, len(faults))
	for i, e := range faults {
		inner := *e
		change(&inner)
		changed[i] = &inner
	}
	if len(changed) == 1 {
		return changed[0]
	}
	return changed
}
