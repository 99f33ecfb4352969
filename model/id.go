package model

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Each noun has an id type of its own, so that the compiler refuses a user's id where a case's id is expected. In the
// database an id is a UUIDv7. Clients see an opaque text, unique across all types: the noun's prefix, an underscore, and
// the UUID in hexadecimal.
type (
	CustomerID       struct{ uuid.UUID }
	ResponseID       struct{ uuid.UUID }
	CaseID           struct{ uuid.UUID }
	NoteID           struct{ uuid.UUID }
	EventID          struct{ uuid.UUID }
	RuleID           struct{ uuid.UUID }
	UserID           struct{ uuid.UUID }
	ApiTokenID       struct{ uuid.UUID }
	NotificationID   struct{ uuid.UUID }
	ThemeID          struct{ uuid.UUID }
	WebhookID        struct{ uuid.UUID }
	DeliveryID       struct{ uuid.UUID }
	ImportID         struct{ uuid.UUID }
	AuditEventID     struct{ uuid.UUID }
	SourceID         struct{ uuid.UUID }
	SourceDeliveryID struct{ uuid.UUID }
)

const (
	customerPrefix       = "cus"
	responsePrefix       = "res"
	casePrefix           = "cas"
	notePrefix           = "not"
	eventPrefix          = "evt"
	rulePrefix           = "rul"
	userPrefix           = "usr"
	apiTokenPrefix       = "tok"
	notificationPrefix   = "ntf"
	themePrefix          = "thm"
	webhookPrefix        = "whk"
	deliveryPrefix       = "dlv"
	importPrefix         = "imp"
	auditEventPrefix     = "aud"
	sourcePrefix         = "src"
	sourceDeliveryPrefix = "sdv"
)

// AnyID is the constraint that every id type above satisfies.
type AnyID interface {
	comparable
	~struct{ uuid.UUID }
}

// UUIDs returns the UUIDs inside the ids, in the same order, as parameters for a SQL statement.
func UUIDs[T AnyID](ids []T) []uuid.UUID {
	list := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		list[i] = struct{ uuid.UUID }(id).UUID
	}
	return list
}

// NewUUID returns a time-ordered id (UUIDv7, RFC 9562 section 5.7).
func NewUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (id CustomerID) String() string       { return globalID(customerPrefix, id.UUID) }
func (id ResponseID) String() string       { return globalID(responsePrefix, id.UUID) }
func (id CaseID) String() string           { return globalID(casePrefix, id.UUID) }
func (id NoteID) String() string           { return globalID(notePrefix, id.UUID) }
func (id EventID) String() string          { return globalID(eventPrefix, id.UUID) }
func (id RuleID) String() string           { return globalID(rulePrefix, id.UUID) }
func (id UserID) String() string           { return globalID(userPrefix, id.UUID) }
func (id ApiTokenID) String() string       { return globalID(apiTokenPrefix, id.UUID) }
func (id NotificationID) String() string   { return globalID(notificationPrefix, id.UUID) }
func (id ThemeID) String() string          { return globalID(themePrefix, id.UUID) }
func (id WebhookID) String() string        { return globalID(webhookPrefix, id.UUID) }
func (id DeliveryID) String() string       { return globalID(deliveryPrefix, id.UUID) }
func (id ImportID) String() string         { return globalID(importPrefix, id.UUID) }
func (id AuditEventID) String() string     { return globalID(auditEventPrefix, id.UUID) }
func (id SourceID) String() string         { return globalID(sourcePrefix, id.UUID) }
func (id SourceDeliveryID) String() string { return globalID(sourceDeliveryPrefix, id.UUID) }

func (id CustomerID) MarshalGQL(w io.Writer)       { writeID(w, id) }
func (id ResponseID) MarshalGQL(w io.Writer)       { writeID(w, id) }
func (id CaseID) MarshalGQL(w io.Writer)           { writeID(w, id) }
func (id NoteID) MarshalGQL(w io.Writer)           { writeID(w, id) }
func (id EventID) MarshalGQL(w io.Writer)          { writeID(w, id) }
func (id RuleID) MarshalGQL(w io.Writer)           { writeID(w, id) }
func (id UserID) MarshalGQL(w io.Writer)           { writeID(w, id) }
func (id ApiTokenID) MarshalGQL(w io.Writer)       { writeID(w, id) }
func (id NotificationID) MarshalGQL(w io.Writer)   { writeID(w, id) }
func (id ThemeID) MarshalGQL(w io.Writer)          { writeID(w, id) }
func (id WebhookID) MarshalGQL(w io.Writer)        { writeID(w, id) }
func (id DeliveryID) MarshalGQL(w io.Writer)       { writeID(w, id) }
func (id ImportID) MarshalGQL(w io.Writer)         { writeID(w, id) }
func (id AuditEventID) MarshalGQL(w io.Writer)     { writeID(w, id) }
func (id SourceID) MarshalGQL(w io.Writer)         { writeID(w, id) }
func (id SourceDeliveryID) MarshalGQL(w io.Writer) { writeID(w, id) }

func (id *CustomerID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, customerPrefix, "a customer", v)
}
func (id *ResponseID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, responsePrefix, "a response", v)
}
func (id *CaseID) UnmarshalGQL(v any) error  { return readID(&id.UUID, casePrefix, "a case", v) }
func (id *NoteID) UnmarshalGQL(v any) error  { return readID(&id.UUID, notePrefix, "a note", v) }
func (id *EventID) UnmarshalGQL(v any) error { return readID(&id.UUID, eventPrefix, "an event", v) }
func (id *RuleID) UnmarshalGQL(v any) error  { return readID(&id.UUID, rulePrefix, "a rule", v) }
func (id *UserID) UnmarshalGQL(v any) error  { return readID(&id.UUID, userPrefix, "a user", v) }
func (id *ApiTokenID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, apiTokenPrefix, "a token", v)
}
func (id *NotificationID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, notificationPrefix, "a notification", v)
}
func (id *ThemeID) UnmarshalGQL(v any) error { return readID(&id.UUID, themePrefix, "a theme", v) }
func (id *WebhookID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, webhookPrefix, "a webhook", v)
}
func (id *DeliveryID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, deliveryPrefix, "a delivery", v)
}
func (id *ImportID) UnmarshalGQL(v any) error { return readID(&id.UUID, importPrefix, "an import", v) }
func (id *AuditEventID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, auditEventPrefix, "an entry of the audit", v)
}
func (id *SourceID) UnmarshalGQL(v any) error { return readID(&id.UUID, sourcePrefix, "a source", v) }
func (id *SourceDeliveryID) UnmarshalGQL(v any) error {
	return readID(&id.UUID, sourceDeliveryPrefix, "a delivery to a source", v)
}

// ParseID reads an id that a client sent and returns it as the id type of its noun (CaseID, UserID, …).
func ParseID(s string) (any, error) {
	prefix, hexed, _ := strings.Cut(s, "_")
	u, err := parseHex(hexed)
	if err != nil {
		return nil, scalarErrorf("%q is not an ID", shorten(s))
	}
	switch prefix {
	case customerPrefix:
		return CustomerID{u}, nil
	case responsePrefix:
		return ResponseID{u}, nil
	case casePrefix:
		return CaseID{u}, nil
	case notePrefix:
		return NoteID{u}, nil
	case eventPrefix:
		return EventID{u}, nil
	case rulePrefix:
		return RuleID{u}, nil
	case userPrefix:
		return UserID{u}, nil
	case apiTokenPrefix:
		return ApiTokenID{u}, nil
	case notificationPrefix:
		return NotificationID{u}, nil
	case importPrefix:
		return ImportID{u}, nil
	case deliveryPrefix:
		return DeliveryID{u}, nil
	case webhookPrefix:
		return WebhookID{u}, nil
	case themePrefix:
		return ThemeID{u}, nil
	case auditEventPrefix:
		return AuditEventID{u}, nil
	case sourcePrefix:
		return SourceID{u}, nil
	case sourceDeliveryPrefix:
		return SourceDeliveryID{u}, nil
	}
	return nil, scalarErrorf("%q is not an ID", shorten(s))
}

func globalID(prefix string, u uuid.UUID) string { return prefix + "_" + hex.EncodeToString(u[:]) }

func writeID(w io.Writer, id fmt.Stringer) { _, _ = io.WriteString(w, strconv.Quote(id.String())) }

func readID(into *uuid.UUID, prefix, noun string, v any) error {
	s, ok := v.(string)
	if !ok {
		return scalarErrorf("an ID must be a string")
	}
	hexed, ok := strings.CutPrefix(s, prefix+"_")
	if !ok {
		return scalarErrorf("%q is not the ID of %s", shorten(s), noun)
	}
	u, err := parseHex(hexed)
	if err != nil {
		return scalarErrorf("%q is not the ID of %s", shorten(s), noun)
	}
	*into = u
	return nil
}

// parseHex accepts only the spelling that writeID produces (lower case, no hyphens), because clients compare ids as strings:
// one id must never have two spellings.
func parseHex(s string) (uuid.UUID, error) {
	var u uuid.UUID
	if len(s) != 2*len(u) || strings.ToLower(s) != s {
		return u, hex.ErrLength
	}
	_, err := hex.Decode(u[:], []byte(s))
	return u, err
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
