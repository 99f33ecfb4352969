// Package source owns the survey tools that post responses to /intake/NAME: how they are set up, how their JSON becomes a
// response, how a signature is checked, and the record of the last deliveries.
//
// A delivery is read and stored as a response that is submitted: package intake decides everything about it. So a tool may
// repeat a delivery as often as it likes. What is recorded of a delivery is committed together with its response.
//
// It refuses to speak HTTP (package httpd does), and to fetch anything from a tool.
package source

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const sourcesMax = 100 // they are all kept in memory

// Sources are the sources of one database.
type Sources struct {
	db        *pg.DB
	revisions *configuration.Revisions
	in        *intake.Intake
	now       func() time.Time
	known     atomic.Pointer[all] // the last ones that were read
}

// New makes the Sources of a database.
func New(db *pg.DB, revisions *configuration.Revisions, in *intake.Intake, now func() time.Time) *Sources {
	return &Sources{db: db, revisions: revisions, in: in, now: now}
}

func (s *Sources) clock() time.Time { return pg.Timestamp(s.now()) }

// all are the sources at one revision of the configuration, by name.
type all struct {
	revision configuration.Revision
	named    map[string]*Source
}

// Source is a source that is ready to read deliveries. It never changes.
type Source struct {
	model.Source
	reader reader
	signer *auth.Viewer // as whom signed deliveries are stored; nil: nobody, or not any more
}

// Named returns a source; nil if there is none. A change of it counts within a second.
func (s *Sources) Named(ctx context.Context, name string) (*Source, error) {
	revision, err := s.revisions.Recent(ctx)
	if err != nil {
		return nil, err
	}
	if known := s.known.Load(); known != nil && known.revision == revision {
		return known.named[name], nil
	}
	read, err := s.read(ctx, revision)
	if err != nil {
		return nil, err
	}
	s.known.Store(read)
	return read.named[name], nil
}

func (s *Sources) read(ctx context.Context, revision configuration.Revision) (*all, error) {
	db := s.db.Lane(pg.SignIn).Gorm.WithContext(ctx)
	var rows []model.Source
	if err := db.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the sources: %w", err)
	}
	var users []*model.User
	if err := db.Where("active AND role = ? AND id IN (SELECT user_id FROM sources)", model.Intake).Find(&users).Error; err != nil {
		return nil, fmt.Errorf("read the users of sources: %w", err)
	}
	read := &all{revision: revision, named: make(map[string]*Source, len(rows))}
	for _, row := range rows {
		one, err := newSource(row, users)
		if err != nil {
			return nil, err
		}
		read.named[row.Name] = one
	}
	return read, nil
}

func newSource(row model.Source, users []*model.User) (*Source, error) {
	one := &Source{Source: row, reader: newReader(row.Mapping)}
	for _, u := range users {
		if row.UserID == nil || *row.UserID != u.ID {
			continue
		}
		viewer, err := auth.ViewerOf(u)
		if err != nil {
			return nil, err
		}
		viewer.TokenID = model.ApiTokenID{UUID: row.ID.UUID} // it has a budget and a share as a token has
		one.signer = &viewer
	}
	return one, nil
}

// Signer returns as whom a signed delivery without a token is stored. ok is false if there is nobody: then deliveries need a
// token.
func (s *Source) Signer() (_ auth.Viewer, ok bool) {
	if s.signer == nil {
		return auth.Viewer{}, false
	}
	return *s.signer, true
}
