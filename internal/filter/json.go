package filter

// MarshalJSON is the filter as it was given: an input that holds one is told apart by it.
func (f Case) MarshalJSON() ([]byte, error) { return f.json() }

// MarshalJSON is the filter as it was given.
func (f Response) MarshalJSON() ([]byte, error) { return f.json() }

// MarshalJSON is the filter as it was given.
func (f Customer) MarshalJSON() ([]byte, error) { return f.json() }

func (t tree) json() ([]byte, error) {
	if t.raw == nil {
		return []byte("{}"), nil
	}
	return t.raw, nil
}
