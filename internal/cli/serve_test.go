package cli

import (
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// A server whose address is taken must not spend the administrator's first token, which is shown only once.
func TestServeTakesItsAddressFirst(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := filepath.Join(t.TempDir(), "data")
	err = run(t.Context(), []string{"serve", "--listen", taken.Addr().String(), "--data-dir", folder}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "CLOSELOOP_LISTEN") {
		t.Errorf("got %v, want an error with the address and the setting", err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the data folder exists: %v", err)
	}
}

// A file that leaves a question is refused before a database is opened: by default, one would be made.
func TestImportAsksBeforeItOpensADatabase(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	err := run(t.Context(), []string{"import", "cli.go", "--data-dir", folder}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--score (columns.score)") {
		t.Errorf("the error is %v, want the question for the score", err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder of the database was made (%v)", err)
	}
}

func TestShownToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{"sample-admin-token": "sample-admin-token", "closeloop_chosen": "the one of CLOSELOOP_ADMIN_TOKEN"} {
		if got := shownToken(token); got != want {
			t.Errorf("%s is shown as %s", token, got)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for args, help := range map[string]string{
		"nonsense": "closeloop --help", "token": "closeloop token --help", "import": "closeloop import --help", "persisted remove": "closeloop persisted remove --help",
		"serve --max-sockets 0": "closeloop serve --help", "serve --rate-limit 0": "closeloop serve --help", "serve --init-timeout 0s": "closeloop serve --help",
	} {
		if err := run(t.Context(), strings.Fields(args), io.Discard); err == nil || !strings.HasSuffix(err.Error(), "; see "+help) {
			t.Errorf("%s: got %v, want an error that points to %s", args, err, help)
		}
	}
}

func TestWarningOfAToken(t *testing.T) {
	t.Parallel()
	a, err := app.Open(t.Context(), &config.Config{}, app.Options{DB: pgtest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	const given = "administrator-token-of-this-test"
	for _, c := range []struct {
		name, change string
		warns        bool
	}{
		{"that is valid", "SELECT 1", false},
		{"of an inactive user", "UPDATE users SET active = false, email = 'former@localhost', email_fold = 'former@localhost'", true},
		{"that was revoked", "UPDATE api_tokens SET revoked_at = now()", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := a.DB.Gorm.Exec(c.change).Error; err != nil {
				t.Fatal(err)
			}
			if _, err := a.Users.FirstStart(t.Context(), auth.System("start"), given); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			err := warnOfToken(t.Context(), a, slog.New(slog.NewTextHandler(&log, nil)), given)
			if err != nil || strings.Contains(log.String(), "CLOSELOOP_ADMIN_TOKEN is refused") != c.warns || strings.Contains(log.String(), given) {
				t.Errorf("%v: %s", err, log.String())
			}
		})
	}
}
