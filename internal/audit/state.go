package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// state returns the fields of an object as the record keeps them, under the names of the API, decoded from JSON so that
// two states can be compared.
func (m marks) state(of any) (map[string]any, error) {
	var fields map[string]any
	switch o := of.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		fields = o
	case *model.User:
		fields = m.ofUser(o)
	case *model.ApiToken:
		fields = m.ofToken(o)
	case *model.Rule:
		fields = m.ofRule(o)
	case *model.Theme:
		fields = map[string]any{"name": o.Name, "keywords": o.Keywords, "effort": o.Effort, "resolvedAt": o.ResolvedAt}
	case *model.Settings:
		fields = map[string]any{
			"currency": o.Currency, "timeZone": o.TimeZone, "centralAddresses": o.CentralAddresses, "forcedStatusOrder": o.ForcedStatusOrder,
			"eraseAfterDays": o.EraseAfterDays, "tokenLifetimeDays": o.TokenLifetimeDays, "auditRetentionDays": o.AuditRetentionDays,
		}
	case *model.Webhook:
		fields = m.ofWebhook(o)
	case *model.Source:
		fields = map[string]any{
			"name": o.Name, "tool": o.Tool, "survey": o.Survey, "onConflict": o.OnConflict, "mapping": o.Mapping, "condition": o.Condition,
			"signed": o.Signed(), "userId": model.OptionalID(o.UserID),
		}
	default:
		return nil, fmt.Errorf("the audit knows no state of a %T", of)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode a state for the audit: %w", err)
	}
	var decoded map[string]any
	return decoded, json.Unmarshal(text, &decoded)
}

func (m marks) ofUser(u *model.User) map[string]any {
	return map[string]any{
		"name": u.Name, "email": u.Email, "role": u.Role, "active": u.Active, "scope": m.ofScope(u.Scope()), "personalData": u.PersonalData(),
	}
}

func (m marks) ofToken(t *model.ApiToken) map[string]any {
	return map[string]any{
		"name": t.Name, "userId": t.UserID.String(), "role": t.Role, "scope": m.ofScope(t.Scope()), "personalData": t.PersonalData(),
		"expiresAt": t.ExpiresAt, "revokedAt": t.RevokedAt, "previousSecretUntil": t.PreviousUntil,
	}
}

func (m marks) ofScope(s *model.Scope) map[string]any {
	if s == nil {
		return nil
	}
	return map[string]any{"customer": m.conditions(s.Customer, filter.MaskStoredCustomer), "response": m.conditions(s.Response, filter.MaskStored), "ownCasesOnly": s.OwnCasesOnly}
}

func (m marks) ofRule(r *model.Rule) map[string]any {
	return map[string]any{
		"name": r.Name, "enabled": r.Enabled, "position": r.Position, "scores": r.Scores, "contactRequested": r.ContactRequested,
		"filter": m.conditions(r.Filter, filter.MaskStored), "opensCase": r.OpensCase, "followUpTarget": r.FollowUpTarget, "calendar": r.Calendar,
		"escalations": r.Escalations, "notify": r.Recipients,
		"assignment": map[string]any{
			"strategy": r.Strategy, "userId": model.OptionalID(r.UserID), "userIds": texts(r.Assignees), "fallbackUserId": model.OptionalID(r.FallbackUserID),
		},
	}
}

// ofWebhook names the host of the address only, because the path may be a secret; the digest shows that it changed.
func (m marks) ofWebhook(w *model.Webhook) map[string]any {
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	digest := sha256.Sum256([]byte(w.URL))
	return map[string]any{
		"host": host, "urlDigest": hex.EncodeToString(digest[:8]), "ownerId": w.OwnerID.String(), "events": w.Events,
		"filter": m.conditions(w.Filter, filter.MaskStoredCase), "enabled": w.Enabled, "disabledReason": w.DisabledReason,
	}
}

func texts[T fmt.Stringer](ids []T) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

// conditions returns a stored filter, with marks in place of the values that it compares with personal data, because the
// record stays when the customer is erased whom they name.
func (m marks) conditions(raw json.RawMessage, mask func(json.RawMessage, func(any) any) (any, error)) any {
	if raw == nil {
		return nil
	}
	if v, err := mask(raw, m.hide); err == nil {
		return v
	}
	v, err := filter.Decode(raw) // a filter that no longer fits the grammar: which of its fields are personal is not known
	if err != nil {
		return m.of(string(raw))
	}
	return m.hide(v)
}
