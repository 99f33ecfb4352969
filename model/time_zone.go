package model

import "time"

// ParseTimeZone reads an IANA name, such as Europe/Amsterdam. It refuses "" and "Local", because their meaning depends on
// the machine.
func ParseTimeZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, scalarErrorf("a time zone must be an IANA name, such as Europe/Amsterdam")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, scalarErrorf("%q is not a time zone; give an IANA name, such as Europe/Amsterdam", name)
	}
	return zone, nil
}
