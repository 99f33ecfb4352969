package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	partBytes   = 1 << 20
	fileNameMax = 200 // characters
)

// ImportResponsesInput is a file with the options for reading it. The schema has the defaults of ApplyRules and Notify.
type ImportResponsesInput struct {
	File        graphql.Upload
	Columns     *Columns
	Preset      *model.ImportPreset
	Encoding    *string
	Separator   *model.ImportSeparator
	Sheet       *string
	HeaderRows  *int
	DateOrder   *model.ImportDateOrder
	DecimalSign *model.ImportDecimalSign
	Missing     []string
	Scale       *string
	Survey      *string
	TimeZone    *string
	OnConflict  *intake.OnConflict
	IdentifyBy  []model.CustomerIdentity
	ApplyRules  *bool
	Notify      *bool
}

// choices are the input's choices in the words of the command line.
func (in *ImportResponsesInput) choices() Choices {
	c := Choices{Preset: word(in.Preset), Encoding: word(in.Encoding), Separator: word(in.Separator), DateOrder: word(in.DateOrder),
		DecimalSign: word(in.DecimalSign), Missing: in.Missing}
	if in.Sheet != nil {
		c.Sheet = *in.Sheet
	}
	if in.Scale != nil {
		c.Scale = *in.Scale
	}
	if in.HeaderRows != nil {
		c.HeaderRows = *in.HeaderRows
		if c.HeaderRows == 0 {
			c.HeaderRows = -1 // refused; on the command line 0 is the absence of the flag
		}
	}
	return c
}

// word turns a value of an enum into the word of the command line: DAY_FIRST is day-first.
func word[T ~string](v *T) string {
	if v == nil {
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(string(*v)), "_", "-")
}

// ImportResponsesPayload is the queued import.
type ImportResponsesPayload struct{ Import *model.Import }

// savedOptions are the options with which a stored file is read.
type savedOptions struct {
	Plan       *Plan  `json:"plan"`
	Survey     string `json:"survey,omitempty"`
	SkipRules  bool   `json:"skipRules,omitempty"`
	SkipNotify bool   `json:"skipNotify,omitempty"`

	OnConflict intake.OnConflict        `json:"onConflict,omitempty"`
	IdentifyBy []model.CustomerIdentity `json:"identifyBy,omitempty"`
}

func (in *ImportResponsesInput) options() (savedOptions, error) {
	o := savedOptions{SkipRules: in.ApplyRules != nil && !*in.ApplyRules, SkipNotify: in.Notify != nil && !*in.Notify, IdentifyBy: in.IdentifyBy}
	if in.OnConflict != nil {
		o.OnConflict = *in.OnConflict
	}
	var faults []error
	if in.IdentifyBy != nil && len(in.IdentifyBy) == 0 {
		faults = append(faults, fault.Input("identifyBy", "identifyBy needs an identity by which customers are found; leave it out for all"))
	}
	if in.Survey != nil {
		if o.Survey = strings.TrimSpace(*in.Survey); utf8.RuneCountInString(o.Survey) > fileNameMax {
			faults = append(faults, fault.Input("survey", "survey must have at most %d characters", fileNameMax))
		}
	}
	return o, fault.Join(faults...)
}

// Zone is the time zone of times that name none: the given one, else the settings'.
func Zone(ctx context.Context, db *gorm.DB, given string) (*time.Location, error) {
	if given == "" {
		var s model.Settings
		if err := db.WithContext(ctx).Take(&s).Error; err != nil {
			return nil, fmt.Errorf("read the settings: %w", err)
		}
		given = s.TimeZone
	}
	zone, err := model.ParseTimeZone(given)
	if err != nil {
		return nil, fault.Input("timeZone", "%s", err.Error())
	}
	return zone, nil
}

// inspect is the first pass over an uploaded file, with the checks of all other input.
func (u *Uploads) inspect(ctx context.Context, in *ImportResponsesInput) (savedOptions, error) {
	o, ofOptions := in.options()
	r := Reading{Choices: in.choices()}
	if in.Columns != nil {
		r.Columns = *in.Columns
	}
	given := ""
	if in.TimeZone != nil {
		given = *in.TimeZone
		if given == "" {
			given = "-" // refused, as the absence of a zone is null
		}
	}
	var ofZone, ofFile error
	if r.TimeZone, ofZone = Zone(ctx, u.db.Gorm, given); ofZone != nil && !fault.Is(ofZone, fault.CodeBadUserInput) {
		return o, ofZone
	}
	o.Plan, ofFile = Inspect(in.File.File, r)
	return o, fault.WithPath("input", fault.Join(ofOptions, ofZone, ofFile))
}

// Receive stores the file in one transaction and queues its import. It reads the whole file before, and refuses one that cannot
// be imported as it is, or that leaves a question open.
func (u *Uploads) Receive(ctx context.Context, viewer auth.Viewer, in ImportResponsesInput) (*ImportResponsesPayload, error) {
	o, err := u.inspect(ctx, &in)
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	kept := &model.Import{
		ID: model.ImportID{UUID: model.NewUUID()}, FileName: fileName(in.File.Filename), CreatedByID: &viewer.User.ID, Status: model.ImportQueued,
		Options: options, Bytes: in.File.Size, Rejections: []*model.RowRejection{}, Warnings: listed(o.Plan.Warnings), Findings: findings(o.Plan),
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

// listed returns the first rows of a list, for the API.
func listed(rows []RowRejection) []*model.RowRejection {
	list := []*model.RowRejection{}
	for _, r := range rows[:min(len(rows), listedMax)] {
		list = append(list, &r)
	}
	return list
}

func findings(p *Plan) []*model.ImportFinding {
	list := []*model.ImportFinding{}
	for _, f := range p.Findings {
		list = append(list, &f)
	}
	return list
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
