package table

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/closeloop/closeloop/internal/fault"
)

const (
	workbookMax = 256 << 20 // bytes; the compressed file is in memory while its rows are read
	unzippedMax = 4 << 30   // bytes, which go to temporary files
	sheetInRAM  = 16 << 20  // bytes of a sheet's XML, beyond which it is a temporary file
)

// unzip opens a workbook. The caller closes it.
func unzip(file io.ReadSeeker) (*excelize.File, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("return to the start of the file: %w", err)
	}
	if size > workbookMax {
		return nil, fault.Input("file", "a workbook may have %d MiB; save its sheet as CSV, which may be longer", workbookMax>>20)
	}
	failed := &failing{r: file}
	book, err := excelize.OpenReader(failed, excelize.Options{UnzipSizeLimit: unzippedMax, UnzipXMLSizeLimit: sheetInRAM})
	switch {
	case failed.err != nil:
		return nil, fmt.Errorf("read the file: %w", failed.err)
	case err != nil: // of the archive or its XML; such an error is the file's
		return nil, fault.Input("file", "the file is a zip archive that is no workbook of Excel, or it is damaged; save it as .xlsx or CSV")
	}
	return book, nil
}

// failing keeps the error of a reader, to tell it from those of its user.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// detectWorkbook finds the sheet: the only one with cells, else the caller names it.
func detectWorkbook(file io.ReadSeeker, w Wanted) (f Format, why Why, err error) {
	for argument, said := range map[string]string{"encoding": w.Encoding, "separator": w.Separator} {
		if said != "" {
			return f, why, fault.Input(argument, "the file is a workbook, which has no %[1]s; leave --%[1]s (%[1]s) out", argument)
		}
	}
	book, err := unzip(file)
	if err != nil {
		return f, why, err
	}
	defer book.Close()
	f.Workbook = true
	if p, err := book.GetWorkbookProps(); err == nil && p.Date1904 != nil {
		f.Year1904 = *p.Date1904
	}
	names := book.GetSheetList()
	if w.Sheet != "" {
		if !slices.Contains(names, w.Sheet) {
			return f, why, fault.Input("sheet", "the workbook has no sheet %q; it has %s", w.Sheet, quoted(names))
		}
		f.Sheet, why.Sheet = w.Sheet, "as you said"
		return f, why, nil
	}
	var filled []string
	for _, name := range names {
		if hasCells(book, name) {
			filled = append(filled, name)
		}
	}
	switch len(filled) {
	case 0:
		return f, why, fault.Input("file", "the workbook is empty; the first row of its sheet names the columns")
	case 1:
		f.Sheet, why.Sheet = filled[0], "the only sheet with cells"
		return f, why, nil
	}
	return f, why, fault.Input("sheet", "which sheet has the responses? Name it by --sheet (sheet); the workbook has %s", quoted(filled))
}

func quoted(names []string) string {
	var q []string
	for _, n := range names {
		q = append(q, fmt.Sprintf("%q", n))
	}
	return strings.Join(q, ", ")
}

func hasCells(book *excelize.File, sheet string) bool {
	rows, err := book.Rows(sheet)
	if err != nil {
		return false // a sheet that is a chart
	}
	defer rows.Close()
	for range sampleRecords {
		if !rows.Next() {
			return false
		}
		cells, err := rows.Columns()
		if err != nil || slices.ContainsFunc(cells, func(s string) bool { return s != "" }) {
			return err == nil
		}
	}
	return false
}

// workbook reads a sheet twice at once: as it is shown, for texts such as a customer number with its zeros, and as it is
// stored, for numbers and times, whose form on the screen may say less or be read in two ways.
type workbook struct {
	book          *excelize.File
	shown, stored *excelize.Rows
	row, width    int
}

func openWorkbook(file io.ReadSeeker, f Format) (Reader, error) {
	book, err := unzip(file)
	if err != nil {
		return nil, err
	}
	w := &workbook{book: book}
	if w.shown, err = book.Rows(f.Sheet); err == nil {
		w.stored, err = book.Rows(f.Sheet)
	}
	if err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("open the sheet: %w", err)
	}
	return w, nil
}

func (w *workbook) Next() (Record, error) {
	for w.shown.Next() {
		if !w.stored.Next() {
			break
		}
		w.row++
		rec := Record{Line: w.row, Last: w.row, End: int64(w.row)}
		var err error
		if rec.Fields, err = w.shown.Columns(); err == nil {
			rec.Raw, err = w.stored.Columns(excelize.Options{RawCellValue: true})
		}
		if err != nil {
			rec.Broken, rec.Fields, rec.Raw = "the row cannot be read: "+err.Error(), nil, nil
			return rec, nil
		}
		if len(rec.Fields) == 0 {
			continue
		}
		if size := len(strings.Join(rec.Fields, "")); size > recordMax {
			rec.Broken, rec.Fields, rec.Raw = TooLong, nil, nil
			return rec, nil
		}
		w.widen(&rec)
		return rec, nil
	}
	if err := errors.Join(w.shown.Error(), w.stored.Error()); err != nil {
		return Record{}, fmt.Errorf("read the sheet: %w", err)
	}
	return Record{}, io.EOF
}

// widen gives each row as many cells as the first one, because a sheet leaves out empty cells at the end of a row.
func (w *workbook) widen(rec *Record) {
	if w.width == 0 {
		w.width = len(rec.Fields)
	}
	for len(rec.Fields) < w.width {
		rec.Fields = append(rec.Fields, "")
	}
	for len(rec.Raw) < len(rec.Fields) {
		rec.Raw = append(rec.Raw, "")
	}
	rec.Raw = rec.Raw[:len(rec.Fields)]
	for i := range rec.Fields {
		rec.Fields[i] = strings.ReplaceAll(rec.Fields[i], "\r\n", "\n")
	}
}

func (w *workbook) Close() error {
	var errs []error
	for _, r := range []*excelize.Rows{w.shown, w.stored} {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(append(errs, w.book.Close())...)
}
