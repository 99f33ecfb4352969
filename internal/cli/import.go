package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/model"
)

type importCommand struct {
	File             string `arg:"" type:"path" help:"The CSV file; its first line names the columns."`
	importer.Columns `group:"Columns of the file:"`
	Survey           string `placeholder:"NAME" help:"The survey of all rows."`
	TimeZone         string `default:"UTC" placeholder:"ZONE" help:"Time zone of times that name none, an IANA name (${default})."`
	NoRules          bool   `help:"Only store the responses: open no case, send no mail."`
	NoNotify         bool   `help:"Open cases, but send no mail."`
}

// Run prints progress, rejected rows and the summary to the standard error, where a terminal shows a bar.
func (i *importCommand) Run(ctx context.Context, c *config.Config) error {
	zone, err := time.LoadLocation(i.TimeZone)
	if err != nil {
		return fmt.Errorf("--time-zone: %q is not a time zone; use an IANA name, such as Europe/Amsterdam", i.TimeZone)
	}
	file, err := os.Open(i.File)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	a, err := open(ctx, c, "import")
	if err != nil {
		return err
	}
	defer a.Close()
	err = audit.Record(ctx, a.DB, auth.System("import"), audit.Entry{Action: model.AuditImportStarted, After: map[string]any{"bytes": info.Size()}})
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // an import keeps little and makes much garbage
	progress := importer.NewProgress(os.Stderr, info.Size())
	done, err := importer.Import(ctx, a.Intake, auth.Viewer{}, file, importer.Options{
		Columns: i.Columns, Survey: i.Survey, TimeZone: zone, SkipRules: i.NoRules, SkipNotify: i.NoNotify,
		Progress: progress, Now: time.Now,
	})
	progress.Close(done)
	return err
}
