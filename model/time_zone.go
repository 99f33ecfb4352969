package model

import "time"

// ParseTimeZone reads an IANA name, such as Europe/Amsterdam. What depends on the machine is none.
func ParseTimeZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, scalarErrorf("a time zone is an IANA name, such as Europe/Amsterdam")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, scalarErrorf("%q is not a time zone; an IANA name is asked for, such as Europe/Amsterdam", name)
	}
	return zone, nil
}
