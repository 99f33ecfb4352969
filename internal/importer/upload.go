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

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	partBytes   = 1 << 20
	fileNameMax = 200 // characters
)

// ImportResponsesInput is a file and how it is read. TimeZone, ApplyRules and Notify have their defaults in the schema.
type ImportResponsesInput struct {
	File       graphql.Upload
	Columns    *Columns
	Survey     *string
	TimeZone   *string
	ApplyRules *bool
	Notify     *bool
}

// ImportResponsesPayload is the import that has begun.
type ImportResponsesPayload struct{ Import *model.Import }

// order is how a kept file is read.
type order struct {
	Columns    Columns `json:"columns"`
	Survey     string  `json:"survey,omitempty"`
	TimeZone   string  `json:"timeZone"`
	SkipRules  bool    `json:"skipRules,omitempty"`
	SkipNotify bool    `json:"skipNotify,omitempty"`
}

func (in ImportResponsesInput) order() (order, error) {
	o := order{Columns: *in.Columns, TimeZone: "UTC", SkipRules: in.ApplyRules != nil && !*in.ApplyRules, SkipNotify: in.Notify != nil && !*in.Notify}
	if in.Survey != nil {
		if o.Survey = strings.TrimSpace(*in.Survey); len([]rune(o.Survey)) > fileNameMax {
			return o, fault.Input("input.survey", "%d characters at most", fileNameMax)
		}
	}
	if in.TimeZone != nil {
		o.TimeZone = *in.TimeZone
	}
	if _, err := model.ParseTimeZone(o.TimeZone); err != nil {
		return o, fault.Input("input.timeZone", "%s", err.Error())
	}
	return o, nil
}

// Receive keeps the file, in one transaction, and has it taken in. A file or columns that make no sense are refused
// at once.
func (u *Uploads) Receive(ctx context.Context, viewer auth.Viewer, in ImportResponsesInput) (*ImportResponsesPayload, error) {
	o, err := in.order()
	if err != nil {
		return nil, err
	}
	if _, _, err := readHeader(newRecords(in.File.File, maxRecord), o.Columns); err != nil {
		return nil, fault.WithPath("input", err)
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
	err = u.db.Tx(ctx, func(tx *gorm.DB) error {
		if _, err := in.File.File.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the file again: %w", err)
		}
		if err := tx.Create(kept).Error; err != nil {
			return fmt.Errorf("keep an import: %w", err)
		}
		return keepParts(tx, kept.ID, in.File.File)
	})
	if err != nil {
		return nil, err
	}
	u.come.Send()
	return &ImportResponsesPayload{Import: kept}, nil
}

func keepParts(tx *gorm.DB, id model.ImportID, file io.Reader) error {
	part := make([]byte, partBytes)
	for n := 0; ; n++ {
		size, err := io.ReadFull(file, part)
		if size > 0 {
			if err := tx.Exec("INSERT INTO import_parts (import_id, n, bytes) VALUES (?, ?, ?)", id, n, part[:size]).Error; err != nil {
				return fmt.Errorf("keep a file: %w", err)
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

// fileName is what the caller calls the file, fit to be shown.
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

// parts reads a kept file in its order.
type parts struct {
	ctx  context.Context
	db   *gorm.DB
	id   model.ImportID
	n    int
	left []byte
}

// Read implements io.Reader.
func (p *parts) Read(into []byte) (int, error) {
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
