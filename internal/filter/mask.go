package filter

import (
	"encoding/json"

	"github.com/closeloop/closeloop/internal/fault"
)

// MaskStored returns a stored ResponseFilter, decoded, with the condition on each field that reads personal data replaced
// by mask of it. It accepts what ParseStored accepts.
func MaskStored(raw json.RawMessage, mask func(any) any) (any, error) {
	return maskStored(raw, responseEntity, mask)
}

// MaskStoredCustomer masks a stored CustomerFilter, like MaskStored.
func MaskStoredCustomer(raw json.RawMessage, mask func(any) any) (any, error) {
	return maskStored(raw, customerEntity, mask)
}

// MaskStoredCase masks a stored CaseFilter, like MaskStored.
func MaskStoredCase(raw json.RawMessage, mask func(any) any) (any, error) {
	return maskStored(raw, caseEntity, mask)
}

func maskStored(raw json.RawMessage, n *entity, mask func(any) any) (any, error) {
	v, err := Decode(raw)
	if err != nil {
		return nil, fault.New(fault.CodeBadUserInput, "a filter must be a JSON object")
	}
	p := parser{strict: true, mask: mask}
	if _, err := p.object(v, n); err != nil {
		return nil, err
	}
	return v, nil
}
