package model

import (
	"encoding/json"
	"time"
)

// AuditEvent is one entry of the audit: who did what to which object.
type AuditEvent struct {
	ID         AuditEventID
	At         time.Time
	Action     AuditAction
	ActorID    *UserID     // nil: the program itself; of a refused sign-in, the token's user, nil where it is unknown
	TokenID    *ApiTokenID // nil: not over the API
	Program    *string     // the part of the program that did it; nil: a user did
	ObjectType AuditObject
	ObjectID   *string         // as the API shows it; nil: the object has no ID
	Before     json.RawMessage `gorm:"type:jsonb"`
	After      json.RawMessage `gorm:"type:jsonb"`
	Address    *string         // from which the caller connected; nil: not known
	Times      int             // refused sign-ins that this entry counts; 1 for all other actions
}

func (*AuditEvent) IsNode() {}

// AuditObject is the kind of an object in the audit.
type AuditObject string

const (
	AuditUser     AuditObject = "USER"
	AuditAPIToken AuditObject = "API_TOKEN"
	AuditRule     AuditObject = "RULE"
	AuditTheme    AuditObject = "THEME"
	AuditSettings AuditObject = "SETTINGS"
	AuditWebhook  AuditObject = "WEBHOOK"
	AuditCustomer AuditObject = "CUSTOMER"
	AuditResponse AuditObject = "RESPONSE"
	AuditNote     AuditObject = "NOTE"
	AuditImport   AuditObject = "IMPORT"
	AuditDocument AuditObject = "DOCUMENT"
	AuditSource   AuditObject = "SOURCE"
)

// AuditAction is what was done.
type AuditAction string

const (
	AuditUserCreated          AuditAction = "USER_CREATED"
	AuditUserUpdated          AuditAction = "USER_UPDATED"
	AuditTokenCreated         AuditAction = "TOKEN_CREATED"
	AuditTokenUpdated         AuditAction = "TOKEN_UPDATED"
	AuditTokenRotated         AuditAction = "TOKEN_ROTATED"
	AuditTokenRevoked         AuditAction = "TOKEN_REVOKED"
	AuditSignedIn             AuditAction = "SIGNED_IN"
	AuditSignInRefused        AuditAction = "SIGN_IN_REFUSED"
	AuditRuleCreated          AuditAction = "RULE_CREATED"
	AuditRuleUpdated          AuditAction = "RULE_UPDATED"
	AuditRuleMoved            AuditAction = "RULE_MOVED"
	AuditRuleDeleted          AuditAction = "RULE_DELETED"
	AuditThemeCreated         AuditAction = "THEME_CREATED"
	AuditThemeUpdated         AuditAction = "THEME_UPDATED"
	AuditThemeDeleted         AuditAction = "THEME_DELETED"
	AuditSettingsUpdated      AuditAction = "SETTINGS_UPDATED"
	AuditWebhookCreated       AuditAction = "WEBHOOK_CREATED"
	AuditWebhookUpdated       AuditAction = "WEBHOOK_UPDATED"
	AuditWebhookSecretRotated AuditAction = "WEBHOOK_SECRET_ROTATED"
	AuditWebhookDisabled      AuditAction = "WEBHOOK_DISABLED"
	AuditWebhookDeleted       AuditAction = "WEBHOOK_DELETED"
	AuditCustomerErased       AuditAction = "CUSTOMER_ERASED"
	AuditCustomerExported     AuditAction = "CUSTOMER_EXPORTED"
	AuditResponseUpdated      AuditAction = "RESPONSE_UPDATED"
	AuditNoteRedacted         AuditAction = "NOTE_REDACTED"
	AuditImportStarted        AuditAction = "IMPORT_STARTED"
	AuditDocumentsRegistered  AuditAction = "DOCUMENTS_REGISTERED"
	AuditDocumentsRemoved     AuditAction = "DOCUMENTS_REMOVED"
	AuditSourceCreated        AuditAction = "SOURCE_CREATED"
	AuditSourceUpdated        AuditAction = "SOURCE_UPDATED"
	AuditSourceDeleted        AuditAction = "SOURCE_DELETED"
)

var auditObjects = map[AuditAction]AuditObject{
	AuditUserCreated: AuditUser, AuditUserUpdated: AuditUser,
	AuditTokenCreated: AuditAPIToken, AuditTokenUpdated: AuditAPIToken, AuditTokenRotated: AuditAPIToken, AuditTokenRevoked: AuditAPIToken,
	AuditSignedIn: AuditAPIToken, AuditSignInRefused: AuditAPIToken,
	AuditRuleCreated: AuditRule, AuditRuleUpdated: AuditRule, AuditRuleMoved: AuditRule, AuditRuleDeleted: AuditRule,
	AuditThemeCreated: AuditTheme, AuditThemeUpdated: AuditTheme, AuditThemeDeleted: AuditTheme,
	AuditSettingsUpdated: AuditSettings,
	AuditWebhookCreated:  AuditWebhook, AuditWebhookUpdated: AuditWebhook, AuditWebhookSecretRotated: AuditWebhook,
	AuditWebhookDisabled: AuditWebhook, AuditWebhookDeleted: AuditWebhook,
	AuditCustomerErased: AuditCustomer, AuditCustomerExported: AuditCustomer, AuditResponseUpdated: AuditResponse, AuditNoteRedacted: AuditNote, AuditImportStarted: AuditImport,
	AuditDocumentsRegistered: AuditDocument, AuditDocumentsRemoved: AuditDocument,
	AuditSourceCreated: AuditSource, AuditSourceUpdated: AuditSource, AuditSourceDeleted: AuditSource,
}

// Object returns the kind of object that the action concerns.
func (a AuditAction) Object() AuditObject { return auditObjects[a] }
