package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// errCommandGone is why an import of the command has failed whose lease has ended.
var errCommandGone = fault.New(fault.CodeInternal, "the command ended before the import was done; run it again on the same file to continue, no row is imported twice")

// ImportLocal imports a file that the command reads, and keeps the same account of it as of an uploaded one: what it made, and
// who is told of old responses by one mail at its end. Where the command is killed, a server ends the account.
func (u *Uploads) ImportLocal(ctx context.Context, by auth.Viewer, name string, size int64, file io.ReadSeeker, p *Plan, o Options) (*Report, error) {
	i, err := u.begin(ctx, by, name, size, p, o)
	if err != nil {
		return nil, err
	}
	o.SaveProgress = func(tx *gorm.DB, s Saved) error { return u.save(tx, i, s) }
	done, err := Import(ctx, u.in, auth.Viewer{}, file, p, o)
	ending := context.WithoutCancel(ctx) // what is committed is to be accounted for, whatever ended the import
	switch {
	case err == nil:
		return done, u.complete(ending, i, done)
	case errors.Is(err, errLeaseLost):
		return done, fmt.Errorf("the import stood still for so long that a server took it for ended: %w", errCommandGone)
	}
	return done, errors.Join(err, u.fail(ending, i, errCommandGone))
}

// begin stores that the command imports a file.
func (u *Uploads) begin(ctx context.Context, by auth.Viewer, name string, size int64, p *Plan, o Options) (*model.Import, error) {
	options, err := json.Marshal(savedOptions{Plan: p, Survey: o.Survey, SkipRules: o.SkipRules, SkipNotify: o.SkipNotify, OnConflict: o.OnConflict, IdentifyBy: o.IdentifyBy})
	if err != nil {
		return nil, err
	}
	i := &model.Import{
		ID: model.ImportID{UUID: model.NewUUID()}, FileName: fileName(name), Status: model.ImportRunning, Options: options, Bytes: size, Local: true,
		Rejections: []*model.RowRejection{}, Warnings: listed(p.Warnings), Findings: findings(p), CreatedAt: pg.Timestamp(u.now()), Owner: new(uuid.New()),
	}
	err = u.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(i).Error; err != nil {
			return fmt.Errorf("store an import: %w", err)
		}
		if err := tx.Exec("UPDATE imports SET leased_until = clock_timestamp() + "+lease+" WHERE id = ?", i.ID).Error; err != nil {
			return fmt.Errorf("lease an import: %w", err)
		}
		return audit.Append(tx, by, audit.Entry{Action: model.AuditImportStarted, Object: i.ID, After: map[string]any{"bytes": size}})
	})
	return i, err
}
