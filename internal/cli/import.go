package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/model"
)

type importCommand struct {
	File             string `arg:"" type:"path" help:"The file: CSV of any separator and encoding, or a workbook (.xlsx); its first row names the columns."`
	importer.Columns `group:"Columns of the file, by name, beginning of the name or position; - for none; default: as the tool or usual names call them:"`
	importer.Choices `group:"Form of the file, where it is not to be found:"`
	Survey           string   `placeholder:"NAME" help:"The survey of all rows."`
	TimeZone         string   `placeholder:"ZONE" help:"Time zone of times that name none, an IANA name; default: that of the settings."`
	OnConflict       string   `enum:"reject,update" default:"reject" help:"What a row does that contradicts the stored response with its id: reject (the row is rejected, with both values) or update (it corrects the response)."`
	IdentifyBy       []string `placeholder:"WHAT,…" help:"By what customers are found: customer-id, email, phone, name; default: by all of them, the first that a row has."`
	NoRules          bool     `help:"Only store the responses: open no case, send no mail."`
	NoNotify         bool     `help:"Open cases, but send no mail."`
}

// Run prints progress, what the columns were taken for, rejected rows and the summary to the standard error, where a terminal
// shows a bar.
func (i *importCommand) Run(ctx context.Context, c *config.Config) error {
	reading := importer.Reading{Columns: i.Columns, Choices: i.Choices}
	identifyBy, err := importer.Identities(i.IdentifyBy)
	if err != nil {
		return err
	}
	if i.TimeZone != "" {
		zone, err := model.ParseTimeZone(i.TimeZone)
		if err != nil {
			return fmt.Errorf("--time-zone: %w", err)
		}
		reading.TimeZone = zone
	}
	file, size, err := openFile(i.File)
	if err != nil {
		return err
	}
	defer file.Close()
	debug.SetGCPercent(400) // an import keeps little and makes much garbage
	progress := importer.NewProgress(os.Stderr, size)
	reading.Progress = progress
	plan, err := importer.Inspect(file, reading) // before a database is opened, or even made
	if err != nil {
		progress.Close(nil)
		return err
	}
	a, err := open(ctx, c, "import")
	if err != nil {
		return err
	}
	defer a.Close()
	zone, err := importer.Zone(ctx, a.DB.Gorm, i.TimeZone)
	if err != nil {
		return err
	}
	plan.Settle(zone)
	progress.Inspected(plan)
	done, err := a.Uploads.ImportLocal(ctx, auth.System("import"), filepath.Base(i.File), size, file, plan, importer.Options{
		Survey: i.Survey, SkipRules: i.NoRules, SkipNotify: i.NoNotify, OnConflict: importer.OnConflict(i.OnConflict), IdentifyBy: identifyBy, Progress: progress, Now: time.Now,
	})
	progress.Close(done)
	switch {
	case err != nil:
		return err
	case done.None():
		return errors.New("no row went in")
	case done.RowsRejected > 0:
		return exitStatus(rowsRejected)
	}
	return nil
}

// rowsRejected is the exit status where some rows went in and some did not.
const rowsRejected = 2

// exitStatus ends the program with a status, when all there is to say has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// openFile opens a file that can be read twice. What comes through a pipe is copied to a temporary file.
func openFile(path string) (file *os.File, size int64, err error) {
	file, err = os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read the file: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		return file, info.Size(), nil
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", path)
	default:
		return spool(file)
	}
	return nil, 0, errors.Join(err, file.Close())
}

func spool(pipe *os.File) (file *os.File, size int64, err error) {
	defer pipe.Close()
	file, err = os.CreateTemp("", "closeloop-import-")
	if err != nil {
		return nil, 0, fmt.Errorf("make a temporary file: %w", err)
	}
	_ = os.Remove(file.Name()) // it stays until it is closed
	if size, err = io.Copy(file, pipe); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read the file: %w", err), file.Close())
	}
	return file, size, nil
}
