package byhand

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Submission is a response as it comes in.
type Submission struct {
	ExternalID string   `json:"externalId"`
	Score      int      `json:"score"`
	Comment    string   `json:"comment"`
	Customer   Customer `json:"customer"`
}

// Customer is who answered.
type Customer struct {
	ExternalID string  `json:"externalId"`
	FirstName  *string `json:"firstName"`
	LastName   *string `json:"lastName"`
	Email      *string `json:"email"`
	Country    *string `json:"country"`
}

type (
	submitAnswer struct {
		SubmitResponse submitted `json:"submitResponse"`
	}
	submitted struct {
		Created  bool        `json:"created"`
		Response score       `json:"response"`
		Case     *openedCase `json:"case"`
	}
	openedCase struct {
		Number   int64      `json:"number"`
		DueAt    *time.Time `json:"dueAt"`
		Assignee *named     `json:"assignee"`
	}
)

// ruleUpTo is the highest score for which the rule opens a case.
const ruleUpTo = 6

// submit stores the response and its customer, and opens the case of the rule, in one transaction.
func (s *Server) submit(r *http.Request) (a submitAnswer, err error) {
	var in Submission
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return a, err
	}
	ctx, c := r.Context(), in.Customer
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var customerID, responseID, caseID uuid.UUID
		if err := tx.QueryRow(ctx, PutCustomer, c.ExternalID, c.FirstName, c.LastName, c.Email, c.Country).Scan(&customerID); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, PutResponse, in.ExternalID, customerID, in.Score, in.Comment).Scan(&responseID); err != nil {
			return err
		}
		a.SubmitResponse = submitted{Created: true, Response: score{in.Score}}
		if in.Score > ruleUpTo {
			return nil
		}
		agent := s.agents[s.turn.Add(1)%uint64(len(s.agents))]
		opened := &openedCase{Assignee: &named{agent.Name}}
		if err := tx.QueryRow(ctx, OpenCase, customerID, responseID, agent.ID).Scan(&caseID, &opened.Number, &opened.DueAt); err != nil {
			return err
		}
		a.SubmitResponse.Case = opened
		_, err := tx.Exec(ctx, LogCase, caseID)
		return err
	})
	return a, err
}
