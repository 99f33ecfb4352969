package audit

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	signInsEvery = time.Minute
	signedInOnce = time.Hour // a token's sign-ins are recorded once within this time
	// refusalsMax bounds the addresses whose refused sign-ins are counted apart within a minute. Those of all further
	// addresses are counted together, for each token that is known.
	refusalsMax = 100
)

// SignIns records when tokens were last used, their first sign-in of each hour, and refused sign-ins, counted for each
// address and minute. It collects them in memory and writes once a minute, so that no request waits for it, and so that
// nobody can fill the table.
type SignIns struct {
	db  *pg.DB
	now func() time.Time

	mu      sync.Mutex
	used    map[model.ApiTokenID]use
	refused map[auth.Refusal]int // without the address for all addresses past refusalsMax, and for unknown ones
}

// use is the last sign-in with a token.
type use struct {
	user    model.UserID
	address string
	at      time.Time
}

// NewSignIns makes a record without entries.
func NewSignIns(db *pg.DB, now func() time.Time) *SignIns {
	return &SignIns{db: db, now: now, used: map[model.ApiTokenID]use{}, refused: map[auth.Refusal]int{}}
}

// Accepted notes that the viewer has signed in.
func (s *SignIns) Accepted(v auth.Viewer) {
	at := pg.Timestamp(s.now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[v.TokenID] = use{v.User.ID, v.Address, at}
}

// Refused notes a sign-in with a token that is not valid.
func (s *SignIns) Refused(r auth.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.refused[r]; !known && len(s.refused) >= refusalsMax {
		r.Address = ""
	}
	s.refused[r]++
}

// Run writes once a minute until ctx ends, and a last time then.
func (s *SignIns) Run(ctx context.Context, log *slog.Logger) {
	job.Every(ctx, signInsEvery, nil, job.Task{
		Trouble: "cannot record sign-ins; trying again in a minute", Log: log,
		Do: func(ctx context.Context) (more bool, err error) { return false, s.Write(ctx) },
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Write(ctx); err != nil {
		log.WarnContext(ctx, "the last sign-ins were not recorded", "error", err)
	}
}

// Write writes what was noted since the last call. What could not be written is kept for the next call.
func (s *SignIns) Write(ctx context.Context) error {
	s.mu.Lock()
	used, refused := s.used, s.refused
	s.used, s.refused = map[model.ApiTokenID]use{}, map[auth.Refusal]int{}
	s.mu.Unlock()
	if len(used) == 0 && len(refused) == 0 {
		return nil
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := writeUsed(tx, used); err != nil {
			return err
		}
		return writeRefused(tx, refused, pg.Timestamp(s.now()))
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		maps.Copy(used, s.used) // the newer use wins
		s.used = used
		for r, n := range refused {
			s.refused[r] += n
		}
		return fmt.Errorf("record sign-ins: %w", err)
	}
	return nil
}

// writeUsed stores the time of each token's last use, and records the sign-in of a token that has none within an hour. The
// rows are updated in the order of their ids, so that two servers do not block each other for good.
func writeUsed(tx *gorm.DB, used map[model.ApiTokenID]use) error {
	if len(used) == 0 {
		return nil
	}
	var ids, users, events []uuid.UUID
	var addresses []string
	var times []time.Time
	for id, u := range used {
		ids, users, events = append(ids, id.UUID), append(users, u.user.UUID), append(events, model.NewUUID())
		addresses, times = append(addresses, u.address), append(times, u.at)
	}
	values := map[string]any{
		"ids": pg.Array(ids), "users": pg.Array(users), "events": pg.Array(events),
		"addresses": pg.Array(addresses), "times": pg.Array(times), "within": signedInOnce.Seconds(),
	}
	err := tx.Exec(`WITH used AS MATERIALIZED (
			SELECT t.id, u.at FROM unnest(CAST(@ids AS uuid[]), CAST(@times AS timestamptz[])) AS u (id, at) JOIN api_tokens t USING (id)
			WHERE t.last_used_at IS NULL OR t.last_used_at < u.at ORDER BY t.id FOR NO KEY UPDATE OF t
		) UPDATE api_tokens SET last_used_at = used.at FROM used WHERE api_tokens.id = used.id`, values).Error
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO audit_events (id, at, action, object_type, object_id, actor_id, token_id, address, times)
		SELECT u.event, u.at, 'SIGNED_IN', 'API_TOKEN', 'tok_' || replace(u.id::text, '-', ''), u.owner, u.id, nullif(u.address, ''), 1
		FROM unnest(CAST(@events AS uuid[]), CAST(@ids AS uuid[]), CAST(@users AS uuid[]), CAST(@addresses AS text[]), CAST(@times AS timestamptz[]))
			AS u (event, id, owner, address, at)
		WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.token_id = u.id AND e.action = 'SIGNED_IN'
			AND e.at > u.at - make_interval(secs => @within))`, values).Error
}

func writeRefused(tx *gorm.DB, refused map[auth.Refusal]int, at time.Time) error {
	for r, n := range refused {
		row := model.AuditEvent{
			ID: model.AuditEventID{UUID: model.NewUUID()}, At: at, Action: model.AuditSignInRefused, ObjectType: model.AuditSignInRefused.Object(),
			Address: optional(r.Address), Times: n,
		}
		if r.Token != (model.ApiTokenID{}) {
			id := r.Token.String()
			row.ObjectID, row.TokenID, row.ActorID = &id, &r.Token, &r.User
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
	}
	return nil
}
