package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// hidden stands for a text that may name a customer.
const hidden = "…"

// state returns the fields of an object as the record keeps them, under the names of the API, decoded from JSON so that
// two states can be compared.
func state(of any) (map[string]any, error) {
	var fields map[string]any
	switch o := of.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		fields = o
	case *model.User:
		fields = ofUser(o)
	case *model.ApiToken:
		fields = ofToken(o)
	case *model.Rule:
		fields = ofRule(o)
	case *model.Theme:
		fields = map[string]any{"name": o.Name, "keywords": o.Keywords, "effort": o.Effort, "resolvedAt": o.ResolvedAt}
	case *model.Settings:
		fields = map[string]any{
			"currency": o.Currency, "timeZone": o.TimeZone, "centralAddresses": o.CentralAddresses, "forcedStatusOrder": o.ForcedStatusOrder,
			"eraseAfterDays": o.EraseAfterDays, "tokenLifetimeDays": o.TokenLifetimeDays, "auditRetentionDays": o.AuditRetentionDays,
		}
	case *model.Webhook:
		fields = ofWebhook(o)
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

func ofUser(u *model.User) map[string]any {
	return map[string]any{
		"name": u.Name, "email": u.Email, "role": u.Role, "active": u.Active, "scope": ofScope(u.Scope()), "personalData": u.PersonalData(),
	}
}

func ofToken(t *model.ApiToken) map[string]any {
	return map[string]any{
		"name": t.Name, "userId": t.UserID.String(), "role": t.Role, "scope": ofScope(t.Scope()), "personalData": t.PersonalData(),
		"expiresAt": t.ExpiresAt, "revokedAt": t.RevokedAt, "previousSecretUntil": t.PreviousUntil,
	}
}

func ofScope(s *model.Scope) map[string]any {
	if s == nil {
		return nil
	}
	return map[string]any{"customer": conditions(s.Customer, filter.ParseStoredCustomer), "response": conditions(s.Response, filter.ParseStored), "ownCasesOnly": s.OwnCasesOnly}
}

func ofRule(r *model.Rule) map[string]any {
	return map[string]any{
		"name": r.Name, "enabled": r.Enabled, "position": r.Position, "scores": r.Scores, "contactRequested": r.ContactRequested,
		"filter": conditions(r.Filter, filter.ParseStored), "opensCase": r.OpensCase, "followUpTarget": r.FollowUpTarget, "calendar": r.Calendar,
		"escalations": r.Escalations, "notify": r.Recipients,
		"assignment": map[string]any{
			"strategy": r.Strategy, "userId": model.OptionalID(r.UserID), "userIds": texts(r.Assignees), "fallbackUserId": model.OptionalID(r.FallbackUserID),
		},
	}
}

// ofWebhook names the host of the address only, because the path may be a secret; the digest shows that it changed.
func ofWebhook(w *model.Webhook) map[string]any {
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	digest := sha256.Sum256([]byte(w.URL))
	return map[string]any{
		"host": host, "urlDigest": hex.EncodeToString(digest[:8]), "ownerId": w.OwnerID.String(), "events": w.Events,
		"filter": conditions(w.Filter, filter.ParseStoredCase), "enabled": w.Enabled, "disabledReason": w.DisabledReason,
	}
}

func texts[T fmt.Stringer](ids []T) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

// conditions returns a stored filter. The values of a filter that looks at personal data are hidden, because the record
// stays when the customer is erased whom they name.
func conditions[F interface{ Personal() string }](raw json.RawMessage, parse func(json.RawMessage) (F, error)) any {
	if raw == nil {
		return nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return hidden
	}
	if f, err := parse(raw); err != nil || f.Personal() != "" {
		return hide(v)
	}
	return v
}

// hide replaces the values of a filter and keeps its fields and operators.
func hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = hide(v[name])
		}
		return v
	case []any:
		for i := range v {
			v[i] = hide(v[i])
		}
		return v
	case bool, nil:
		return v
	}
	return hidden
}
