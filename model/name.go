package model

import (
	"strings"
	"unicode/utf8"
)

const nameMax = 200 // characters

// CheckName gives a name without the blanks around it; it refuses an empty name, one of more than 200 characters, and
// what CheckText refuses.
func CheckName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", scalarErrorf("the name must not be blank")
	case utf8.RuneCountInString(name) > nameMax:
		return "", scalarErrorf("the name must not be longer than %d characters", nameMax)
	}
	return name, CheckText(name)
}
