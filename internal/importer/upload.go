package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	partBytes   = 1 << 20
	fileNameMax = 200 // characters
)

// ImportResponsesInput is a file with the options for reading it. The schema has the defaults of TimeZone, ApplyRules and
// Notify.
type ImportResponsesInput struct {
	File       graphql.Upload
	Columns    *Columns
	Survey     *string
	TimeZone   *string
	ApplyRules *bool
	Notify     *bool
}

// ImportResponsesPayload is the queued import.
type ImportResponsesPayload struct{ Import *model.Import }

// savedOptions are the options with which a stored file is read.
type savedOptions struct {
	Columns    Columns `json:"columns"`
	Survey     string  `json:"survey,omitempty"`
	TimeZone   string  `json:"timeZone"`
	SkipRules  bool    `json:"skipRules,omitempty"`
	SkipNotify bool    `json:"skipNotify,omitempty"`
}

func (in ImportResponsesInput) options() (savedOptions, error) {
	o := savedOptions{Columns: *in.Columns, TimeZone: "UTC", SkipRules: in.ApplyRules != nil && !*in.ApplyRules, SkipNotify: in.Notify != nil && !*in.Notify}
	var faults []error
	if in.Survey != nil {
		if o.Survey = strings.TrimSpace(*in.Survey); len([]rune(o.Survey)) > fileNameMax {
			faults = append(faults, fault.Input("input.survey", "survey must have at most %d characters", fileNameMax))
		}
	}
	if in.TimeZone != nil {
		o.TimeZone = *in.TimeZone
	}
	if _, err := model.ParseTimeZone(o.TimeZone); err != nil {
		faults = append(faults, fault.Input("input.timeZone", "%s", err.Error()))
	}
	return o, fault.Join(faults...)
}

// Receive stores the file in one transaction and queues its import. It refuses a file that cannot be imported, and columns
// that the file does not have.
func (u *Uploads) Receive(ctx context.Context, viewer auth.Viewer, in ImportResponsesInput) (*ImportResponsesPayload, error) {
	o, ofOptions := in.options()
	_, _, ofFile := readHeader(newRecords(in.File.File, maxRecord), o.Columns)
	if err := fault.Join(ofOptions, fault.WithPath("input", ofFile)); err != nil {
		return nil, err
	}
	options, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	kept := &model.Import{
		ID: model.ImportID{UUID: model.NewUUID()}, FileName: fileName(in.File.Filename), CreatedByID: viewer.User.ID, Status: model.ImportQueued,
		Options: options, Bytes: in.File.Size, Rejections: []*model.RowRejection{}, Warnings: []*model.RowRejection{},
		CreatedAt: pg.Timestamp(u.now()),
	}
	err = u.db.Tx(pg.WithoutTimeLimit(ctx), func(tx *gorm.DB) error {
		if _, err := in.File.File.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("return to the start of the file: %w", err)
		}
		if err := tx.Create(kept).Error; err != nil {
			return fmt.Errorf("store an import: %w", err)
		}
		if err := saveParts(tx, kept.ID, in.File.File); err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditImportStarted, Object: kept.ID, After: map[string]any{"bytes": kept.Bytes}})
	})
	if err != nil {
		return nil, err
	}
	u.arrived.Send()
	return &ImportResponsesPayload{Import: kept}, nil
}

func saveParts(tx *gorm.DB, id model.ImportID, file io.Reader) error {
	part := make([]byte, partBytes)
	for n := 0; ; n++ {
		size, err := io.ReadFull(file, part)
		if size > 0 {
			if err := tx.Exec("INSERT INTO import_parts (import_id, n, bytes) VALUES (?, ?, ?)", id, n, part[:size]).Error; err != nil {
				return fmt.Errorf("store a file: %w", err)
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		}
	}
}

// fileName returns the caller's name of the file without control characters, shortened for display.
func fileName(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > fileNameMax {
		s = string(r[:fileNameMax])
	}
	if s == "" {
		return "responses.csv"
	}
	return s
}

// partReader reads the parts of a stored file in order.
type partReader struct {
	ctx  context.Context
	db   *gorm.DB
	id   model.ImportID
	n    int
	left []byte
}

// Read implements io.Reader.
func (p *partReader) Read(into []byte) (int, error) {
	if len(p.left) == 0 {
		var rows []struct{ Bytes []byte }
		err := p.db.WithContext(p.ctx).Raw("SELECT bytes FROM import_parts WHERE import_id = ? AND n = ?", p.id, p.n).Scan(&rows).Error
		if err != nil {
			return 0, err
		}
		if len(rows) == 0 {
			return 0, io.EOF
		}
		p.left, p.n = rows[0].Bytes, p.n+1
	}
	size := copy(into, p.left)
	p.left = p.left[size:]
	return size, nil
}
