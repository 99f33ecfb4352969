package argument

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// scalars check the scalars that are written as strings. Decimal may be a number too.
var scalars = map[string]func(any) error{
	"String":       only(model.UnmarshalString),
	"DateTime":     only(model.UnmarshalDateTime),
	"Decimal":      only(model.UnmarshalDecimal),
	"EmailAddress": only(model.UnmarshalEmailAddress),
	"Duration":     func(v any) error { return new(model.Duration).UnmarshalGQL(v) },
	"Date":         func(v any) error { return new(model.Date).UnmarshalGQL(v) },
	"TimeOfDay":    func(v any) error { return new(model.TimeOfDay).UnmarshalGQL(v) },
}

// checks check what the types of a filter's fields do not say, such as that an operator is not null. They are called for
// a whole filter, not for the filters in it.
var checks = map[string]func(any) error{
	"CaseFilter":     func(v any) error { return new(filter.Case).UnmarshalGQL(v) },
	"ResponseFilter": func(v any) error { return new(filter.Response).UnmarshalGQL(v) },
	"CustomerFilter": func(v any) error { return new(filter.Customer).UnmarshalGQL(v) },
	"TimeFilter":     func(v any) error { return new(filter.Time).UnmarshalGQL(v) },
	"StringFilter":   func(v any) error { return new(filter.Text).UnmarshalGQL(v) },
}

// ids check which kind of object an ID of a mutation's input names, by the name of the field. Other IDs, such as the argument
// id of a query, belong to a field whose failure undoes nothing.
var ids = map[string]func(any) error{
	"caseId":         kind[model.CaseID],
	"caseIds":        kind[model.CaseID],
	"customerId":     kind[model.CustomerID],
	"responseId":     kind[model.ResponseID],
	"noteId":         kind[model.NoteID],
	"ruleId":         kind[model.RuleID],
	"themeId":        kind[model.ThemeID],
	"themeIds":       kind[model.ThemeID],
	"userId":         kind[model.UserID],
	"userIds":        kind[model.UserID],
	"assigneeId":     kind[model.UserID],
	"fallbackUserId": kind[model.UserID],
	"ownerId":        kind[model.UserID],
	"reassignTo":     kind[model.UserID],
	"tokenId":        kind[model.ApiTokenID],
	"notificationId": kind[model.NotificationID],
	"webhookId":      kind[model.WebhookID],
	"sourceId":       kind[model.SourceID],
	"deliveryId":     kind[model.DeliveryID],
}

func kind[T any, ID interface {
	*T
	UnmarshalGQL(any) error
}](v any) error {
	return ID(new(T)).UnmarshalGQL(v)
}

func only[T any](read func(any) (T, error)) func(any) error {
	return func(v any) error {
		_, err := read(v)
		return err
	}
}

// whole returns a whole number without fraction and exponent: JSON does not tell 3, 3.0 and 30e-1 apart.
func whole(v any) (any, bool) {
	n, ok := v.(json.Number)
	if !ok {
		switch v.(type) {
		case int64, int:
			return v, true
		}
		return nil, false
	}
	text := n.String()
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := n.Float64()
	if err != nil || !isWhole(text) {
		return nil, false
	}
	// A number that a float64 cannot hold exactly lies outside of every type of whole numbers.
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64)), true
}

// isWhole reports whether the digits of a JSON number behind its decimal point, after the exponent has moved the point,
// are all zero. It does not compute the number: an exponent may be as large as it likes.
func isWhole(text string) bool {
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		e, err := strconv.Atoi(text[at+1:])
		if err != nil {
			return false
		}
		mantissa, exponent = text[:at], e
	}
	before, after, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := before + after
	point := min(max(len(before)+exponent, 0), len(digits))
	return strings.Trim(digits[point:], "0") == ""
}

// isHuge reports whether a JSON number is too large for a float64.
func isHuge(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	_, err := n.Float64()
	return errors.Is(err, strconv.ErrRange) // a number that is too small for it is rounded to 0, without an error
}

func finite(v any) bool {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		return err == nil && !math.IsInf(f, 0)
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case int64, int:
		return true
	}
	return false
}
