package importer

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
)

// Inspect is the first pass over a file: it finds how the file is to be read, and imports nothing. What the file leaves open it
// returns as a *fault.Error, a question that names the argument which answers it.
func Inspect(file io.ReadSeeker, r Reading) (*Plan, error) {
	if err := r.Choices.check(); err != nil {
		return nil, err
	}
	if r.Progress == nil {
		r.Progress = noProgress{}
	}
	p := &Plan{Missing: r.Choices.missing()}
	if r.TimeZone != nil {
		p.Zone = r.TimeZone.String()
	}
	var why table.Why
	var err error
	p.Format, why, err = table.Detect(file, table.Wanted{Encoding: r.Choices.Encoding, Separator: r.Choices.Separator, Sheet: r.Choices.Sheet})
	if err != nil {
		return nil, err
	}
	if p.Format.Workbook {
		p.found("sheet", p.Format.Sheet, why.Sheet)
	} else {
		p.found("encoding", p.Format.Encoding, why.Encoding)
		p.found("separator", table.SeparatorName(p.Format.Separator), why.Separator)
	}
	if p.Bytes, err = file.Seek(0, io.SeekEnd); err != nil {
		return nil, fmt.Errorf("measure the file: %w", err)
	}
	records, err := table.Open(file, p.Format)
	if err != nil {
		return nil, err
	}
	defer records.Close()
	return p, p.inspect(records, r)
}

// inspect reads the header, gives the columns to fields, and reads all rows.
func (p *Plan) inspect(records table.Reader, r Reading) error {
	first, err := firstRecords(records)
	if err != nil {
		return err
	}
	var why string
	if p.HeaderRows, why = headerRows(first); r.Choices.HeaderRows > 0 {
		p.HeaderRows, why = r.Choices.HeaderRows, "as you said"
	}
	if p.HeaderRows > len(first) {
		return fault.Input("headerRows", "the file has %s; --header-rows (headerRows) is %d", counted(len(first), "row"), p.HeaderRows)
	}
	if p.HeaderRows > 1 || r.Choices.HeaderRows > 0 {
		p.found("headerRows", fmt.Sprint(p.HeaderRows), why)
	}
	h, err := headerOf(first[:p.HeaderRows])
	if err != nil {
		return err
	}
	known := presetOf(r.Choices.Preset, h)
	a, err := p.assign(h, r.Columns, known)
	if err != nil {
		return err
	}
	if k := key(p.name(respondedAt)); strings.HasSuffix(k, " utc") || strings.HasSuffix(k, " gmt") || known != nil && known.zone == "UTC" {
		p.Zone = "UTC"
	}
	s := scan{plan: p, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed(), watchIDs: a.usual[responseExternalID]}
	for _, rec := range first[p.HeaderRows:] {
		s.take(&rec)
	}
	for {
		rec, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if s.take(&rec); p.Rows%scannedStep == 0 {
			r.Progress.Scanned(p.progress(rec.End))
		}
	}
	return s.decide(r.Choices)
}

const scannedStep = 10_000

// progress converts how far a reader is to bytes of the file.
func (p *Plan) progress(end int64) int64 {
	if p.Format.Workbook && p.Rows > 0 {
		return min(p.Bytes, p.Bytes*end/int64(p.Rows+p.HeaderRows))
	}
	return end
}

// firstRecords reads as many records as a header can have, and the row behind it.
func firstRecords(records table.Reader) (first []table.Record, err error) {
	for len(first) <= headerRowsMax {
		rec, err := records.Next()
		switch {
		case errors.Is(err, io.EOF) && len(first) == 0:
			return nil, fault.Input("file", "the file is empty; its first line names the columns")
		case errors.Is(err, io.EOF):
			return first, nil
		case err != nil:
			return nil, fmt.Errorf("read the file's header: %w", err)
		case rec.Broken != "" && len(first) == 0:
			return nil, fault.Input("file", "line %d, the header, column %d: %s", rec.Line, rec.Cell+1, rec.Broken)
		case !blank(&rec): // as in the second pass
			first = append(first, rec)
		}
	}
	return first, nil
}

// scan is what the rows of a file tell about its columns.
type scan struct {
	plan *Plan

	scores  [11]int
	noScore int
	odd     string // the first score that cannot be read

	times  int
	noTime string          // the first time that cannot be read
	proved value.Orders    // orders that some date has and can have alone
	proof  string          // the first such date
	open   []openDate      // one date of each set of orders that a date can have
	kinds  map[string]bool // forms of times

	comma, point, unsure string // the first number of each kind

	watchIDs bool
	seen     map[uint64]struct{}
	seed     maphash.Seed
	twice    string // the first id that occurs again
}

type openDate struct {
	orders value.Orders
	text   string
	line   int
}

func (s *scan) take(rec *table.Record) {
	if blank(rec) {
		return
	}
	p := s.plan
	p.Rows++
	if rec.Broken != "" || len(rec.Fields) != len(p.Header) {
		return
	}
	if text := p.cell(rec, score); text != "" {
		if n, err := value.Score(text); err == nil {
			s.scores[n]++
		} else if s.noScore++; s.odd == "" {
			s.odd = text
		}
	}
	if text := p.cell(rec, respondedAt); text != "" {
		s.takeTime(text, rec.Line)
	}
	if text := p.cell(rec, lifetimeValue); text != "" {
		switch sign, open := value.SignOf(text); {
		case open && s.unsure == "":
			s.unsure = text
		case sign == value.Comma && s.comma == "":
			s.comma = text
		case sign == value.Point && s.point == "":
			s.point = text
		}
	}
	if s.watchIDs && s.twice == "" {
		if text := p.cell(rec, responseExternalID); text != "" {
			sum := maphash.String(s.seed, text)
			if _, again := s.seen[sum]; again {
				s.twice = text
			}
			s.seen[sum] = struct{}{}
		}
	}
}

func (s *scan) takeTime(text string, line int) {
	w, ok := value.ReadTime(text, s.plan.Format.Year1904)
	if !ok {
		if s.noTime == "" {
			s.noTime = text
		}
		return
	}
	s.times++
	if s.kinds == nil {
		s.kinds = map[string]bool{}
	}
	s.kinds[w.Kind()] = true
	orders, open := w.Open()
	if !open {
		return
	}
	if _, only := orders.Only(); only {
		if s.proved == (value.Orders{}) {
			s.proof = text
		}
		s.proved = s.proved.Or(orders)
		return
	}
	for _, o := range s.open {
		if o.orders == orders {
			return
		}
	}
	s.open = append(s.open, openDate{orders, text, line})
}
