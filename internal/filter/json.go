package filter

// MarshalJSON is the filter as the caller wrote it: it distinguishes GraphQL inputs that contain a filter.
func (f Case) MarshalJSON() ([]byte, error) { return f.json() }

// MarshalJSON is the filter as the caller wrote it.
func (f Response) MarshalJSON() ([]byte, error) { return f.json() }

// MarshalJSON is the filter as the caller wrote it.
func (f Customer) MarshalJSON() ([]byte, error) { return f.json() }

func (t tree) json() ([]byte, error) {
	if t.raw == nil {
		return []byte("{}"), nil
	}
	return t.raw, nil
}
