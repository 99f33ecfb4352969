package privacy

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// CustomerExport is all data about one customer, under the field names of the GraphQL schema. The export is meant for the
// customer, so it leaves out data about users.
type CustomerExport struct {
	ExportedAt time.Time          `json:"exportedAt"`
	Customer   exportedCustomer   `json:"customer"`
	Responses  []exportedResponse `json:"responses"`
	Cases      []*exportedCase    `json:"cases"`
	Mails      []exportedMail     `json:"mails"`
}

type exportedCustomer struct {
	ID                  string            `json:"id"`
	Number              int64             `json:"number"`
	ExternalID          *string           `json:"externalId"`
	FirstName           *string           `json:"firstName"`
	LastName            *string           `json:"lastName"`
	Email               *string           `json:"email"`
	Phone               *string           `json:"phone"`
	Company             *string           `json:"company"`
	Country             *string           `json:"country"`
	Segment             *string           `json:"segment"`
	LifetimeValue       *decimal.Decimal  `json:"lifetimeValue"`
	AccountManagerEmail *string           `json:"accountManagerEmail"`
	AgentEmail          *string           `json:"agentEmail"`
	Attributes          map[string]string `json:"attributes"`
	LastContactedAt     *time.Time        `json:"lastContactedAt"`
	NextSurveyAt        *time.Time        `json:"nextSurveyAt"`
	CreatedAt           time.Time         `json:"createdAt"`
	ErasedAt            *time.Time        `json:"erasedAt"`
}

type exportedResponse struct {
	ID                    string              `json:"id"`
	ExternalID            *string             `json:"externalId"`
	Survey                *string             `json:"survey"`
	Score                 int                 `json:"score"`
	Category              model.Category      `json:"category"`
	Comment               *string             `json:"comment"`
	Drivers               []string            `json:"drivers"`
	ContactRequested      bool                `json:"contactRequested"`
	QuoteConsent          *bool               `json:"quoteConsent"`
	TestimonialLikelihood *float64            `json:"testimonialLikelihood"`
	Attributes            map[string]string   `json:"attributes"`
	Themes                []string            `json:"themes"`
	ContactStatus         model.ContactStatus `json:"contactStatus"`
	RespondedAt           time.Time           `json:"respondedAt"`
	ReceivedAt            time.Time           `json:"receivedAt"`
}

type exportedCase struct {
	ID              string              `json:"id"`
	Number          int                 `json:"number"`
	ResponseID      *string             `json:"responseId"`
	Status          model.CaseStatus    `json:"status"`
	Origin          model.CaseOrigin    `json:"origin"`
	OpenedAt        time.Time           `json:"openedAt"`
	DueAt           *time.Time          `json:"dueAt"`
	FirstFollowUpAt *time.Time          `json:"firstFollowUpAt"`
	FirstContactAt  *time.Time          `json:"firstContactAt"`
	ClosedAt        *time.Time          `json:"closedAt"`
	ReopenCount     int                 `json:"reopenCount"`
	RootCause       []string            `json:"rootCause"`
	ExternalRefs    []model.ExternalRef `json:"externalRefs"`
	Notes           []exportedNote      `json:"notes"`
	History         []exportedEvent     `json:"history"`
}

type exportedNote struct {
	Body       string     `json:"body"`
	CreatedAt  time.Time  `json:"createdAt"`
	RedactedAt *time.Time `json:"redactedAt"`
}

// exportedEvent is an event with the fields that the table of event types marks for export and that are not empty.
type exportedEvent struct{ model.Event }

// MarshalJSON writes the type and the time first, and then the type's own fields in the table's order.
func (e exportedEvent) MarshalJSON() ([]byte, error) {
	out, err := json.Marshal(struct {
		Type model.CaseEventType `json:"type"`
		At   time.Time           `json:"at"`
	}{e.Type, e.At})
	if err != nil {
		return nil, err
	}
	out = out[:len(out)-1]
	for _, field := range e.Type.Spec().Fields {
		if !field.Export {
			continue
		}
		value, err := json.Marshal(field.Value(&model.LoggedEvent{Event: e.Event}))
		if err != nil {
			return nil, err
		}
		if text := string(value); text != "null" && text != "[]" {
			out = fmt.Appendf(out, ",%q:%s", field.Name, value)
		}
	}
	return append(out, '}'), nil
}

type exportedMail struct {
	Kind      model.NotificationKind   `json:"kind"`
	Status    model.NotificationStatus `json:"status"`
	CreatedAt time.Time                `json:"createdAt"`
	SentAt    *time.Time               `json:"sentAt"`
}

// MarshalGQL writes the export as JSON.
func (e *CustomerExport) MarshalGQL(w io.Writer) { _ = json.NewEncoder(w).Encode(e) }

// UnmarshalGQL is never called: no input has this type.
func (e *CustomerExport) UnmarshalGQL(any) error {
	return errors.New("CustomerExport is not an input type")
}

// ExportCustomer reads all data about a customer in one snapshot of the database, and records that in the audit. It returns
// nil if there is no such customer.
func (p *Privacy) ExportCustomer(ctx context.Context, viewer auth.Viewer, id string) (*CustomerExport, error) {
	var customer model.CustomerID
	if err := customer.UnmarshalGQL(id); err != nil {
		return nil, fault.Input("id", "%s", err.Error())
	}
	var out *CustomerExport
	err := p.db.Gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
		out, err = export(tx, customer, p.work.Now())
		return err
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("export a customer: %w", err)
	}
	if out == nil {
		return nil, nil
	}
	if err := audit.Record(ctx, p.db, viewer, audit.Entry{Action: model.AuditCustomerExported, Object: customer}); err != nil {
		return nil, err
	}
	return out, nil
}

func export(tx *gorm.DB, id model.CustomerID, now time.Time) (*CustomerExport, error) {
	var customers []model.Customer
	if err := tx.Where("id = ?", id).Find(&customers).Error; err != nil || len(customers) == 0 {
		return nil, err
	}
	c := &customers[0]
	out := &CustomerExport{ExportedAt: now, Customer: exportedCustomer{
		ID: c.ID.String(), Number: c.Number, ExternalID: c.ExternalID, FirstName: c.FirstName, LastName: c.LastName, Email: c.Email,
		Phone: c.Phone, Company: c.Company, Country: c.Country, Segment: c.Segment, LifetimeValue: c.LifetimeValue,
		AccountManagerEmail: c.AccountManagerEmail, AgentEmail: c.AgentEmail, Attributes: c.Attributes,
		LastContactedAt: c.LastContactedAt, NextSurveyAt: c.NextSurveyAt, CreatedAt: c.CreatedAt, ErasedAt: c.ErasedAt,
	}}
	for _, read := range []func(*gorm.DB, model.CustomerID) error{out.readResponses, out.readCases, out.readMails} {
		if err := read(tx, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *CustomerExport) readResponses(tx *gorm.DB, id model.CustomerID) error {
	var responses []model.Response
	if err := tx.Where("customer_id = ?", id).Order("responded_at, id").Find(&responses).Error; err != nil {
		return err
	}
	var tags []struct {
		ResponseID model.ResponseID
		Name       string
	}
	err := tx.Raw(`SELECT x.response_id, t.name FROM response_themes x JOIN themes t ON t.id = x.theme_id JOIN responses r ON r.id = x.response_id
		WHERE r.customer_id = ? AND t.deleted_at IS NULL ORDER BY t.name_fold`, id).Scan(&tags).Error
	if err != nil {
		return err
	}
	themes := map[model.ResponseID][]string{}
	for _, tag := range tags {
		themes[tag.ResponseID] = append(themes[tag.ResponseID], tag.Name)
	}
	e.Responses = make([]exportedResponse, len(responses))
	for i, r := range responses {
		e.Responses[i] = exportedResponse{
			ID: r.ID.String(), ExternalID: r.ExternalID, Survey: r.Survey, Score: r.Score, Category: r.Category, Comment: r.Comment,
			Drivers: listed(r.Drivers), ContactRequested: r.ContactRequested, QuoteConsent: r.QuoteConsent,
			TestimonialLikelihood: r.TestimonialLikelihood, Attributes: r.Attributes, Themes: listed(themes[r.ID]),
			ContactStatus: r.ContactStatus, RespondedAt: r.RespondedAt, ReceivedAt: r.ReceivedAt,
		}
	}
	return nil
}

func (e *CustomerExport) readCases(tx *gorm.DB, id model.CustomerID) error {
	var cases []model.Case
	var refs []model.ExternalRef
	var notes []model.Note
	var events []model.Event
	const ofCustomer = "case_id IN (SELECT id FROM cases WHERE customer_id = ?)"
	err := errors.Join(
		tx.Where("customer_id = ?", id).Order("opened_at, id").Find(&cases).Error,
		tx.Where(ofCustomer, id).Order("case_id, system").Find(&refs).Error,
		tx.Where(ofCustomer, id).Order("created_at, id").Find(&notes).Error,
		tx.Omit("Snapshot", "Before").Where(ofCustomer, id).Order("case_id, version").Find(&events).Error,
	)
	if err != nil {
		return fmt.Errorf("read a customer's cases: %w", err)
	}
	e.Cases = make([]*exportedCase, len(cases))
	byID := make(map[model.CaseID]*exportedCase, len(cases))
	for i := range cases {
		e.Cases[i] = newExportedCase(&cases[i])
		byID[cases[i].ID] = e.Cases[i]
	}
	for _, r := range refs {
		c := byID[r.CaseID]
		c.ExternalRefs = append(c.ExternalRefs, r)
	}
	for _, n := range notes {
		c := byID[n.CaseID]
		c.Notes = append(c.Notes, exportedNote{n.Body, n.CreatedAt, n.RedactedAt})
	}
	for _, x := range events {
		c := byID[x.CaseID]
		c.History = append(c.History, exportedEvent{x})
	}
	return nil
}

func newExportedCase(c *model.Case) *exportedCase {
	out := &exportedCase{
		ID: c.ID.String(), Number: c.Number, Status: c.Status, Origin: c.Origin, OpenedAt: c.OpenedAt, DueAt: c.DueAt,
		FirstFollowUpAt: c.FirstFollowUpAt, FirstContactAt: c.FirstContactAt, ClosedAt: c.ClosedAt, ReopenCount: c.ReopenCount,
		RootCause: listed(c.RootCause), ExternalRefs: []model.ExternalRef{}, Notes: []exportedNote{}, History: []exportedEvent{},
	}
	if c.ResponseID != nil {
		response := c.ResponseID.String()
		out.ResponseID = &response
	}
	return out
}

func (e *CustomerExport) readMails(tx *gorm.DB, id model.CustomerID) error {
	e.Mails = []exportedMail{}
	// Arrays, because PostgreSQL would read all mails to look for each in two subqueries.
	return tx.Raw(`SELECT kind, status, created_at, sent_at FROM notifications WHERE case_id = ANY(ARRAY(SELECT id FROM cases WHERE customer_id = @customer))
		OR kind = 'NEW_RESPONSE' AND response_id = ANY(ARRAY(SELECT id FROM responses WHERE customer_id = @customer))
		ORDER BY created_at, id`, map[string]any{"customer": id}).Scan(&e.Mails).Error
}

// listed returns a list that is not nil, so that JSON shows [] and not null.
func listed[L ~[]string](list L) []string { return append([]string{}, list...) }
