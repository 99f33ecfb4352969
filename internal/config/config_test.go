package config

import (
	"bytes"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// grammar embeds the settings as the program does.
type grammar struct {
	Config

	Serve struct{} `cmd:"" default:"1"`
}

func parse(t *testing.T, args ...string) (*Config, error) {
	t.Helper()
	var g grammar
	parser, err := kong.New(&g, kong.Name("closeloop"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return &g.Config, err
}

// clean takes the settings of whoever runs the tests out of their environment.
func clean(t *testing.T) {
	t.Helper()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if name := field.Tag.Get("env"); name != "" {
			t.Setenv(name, "")
		}
	}
}

func TestWithoutAnySettingTheProgramRuns(t *testing.T) {
	clean(t)
	c, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Base() != "http://127.0.0.1:8080" {
		t.Errorf("defaults: %+v", c)
	}
	if smtp, err := c.SMTP(); err != nil || smtp != (SMTP{}) {
		t.Errorf("mail server: %+v, %v", smtp, err)
	}
	if from, err := c.From(); err != nil || from.Address != "closeloop@localhost" {
		t.Errorf("sender: %v, %v", from, err)
	}
}

func TestSocketsHaveLimitsUnlessToldOtherwise(t *testing.T) {
	t.Setenv("CLOSELOOP_MAX_SOCKETS", "") // as compose files do
	c, err := parse(t, "--max-sockets-per-token=7", "--init-timeout=1m")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Live{0, 7, 100, 256 << 10, Duration(time.Minute)}); c.Live != want {
		t.Errorf("limits: %+v, not %+v", c.Live, want)
	}
	for _, wrong := range []string{"--max-sockets=many", "--max-message-bytes=1k", "--init-timeout=soon"} {
		if _, err := parse(t, wrong); err == nil || !strings.Contains(err.Error(), "is not a ") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestTheEnvironmentIsReadAndAFlagWins(t *testing.T) {
	clean(t)
	t.Setenv("DATABASE_URL", "postgres://db")
	t.Setenv("CLOSELOOP_LISTEN", "0.0.0.0:80")
	t.Setenv("CLOSELOOP_MAIL_FROM", "Ada <ada@example.com>")
	c, err := parse(t, "--listen=[::]:90")
	if err != nil {
		t.Fatal(err)
	}
	from, err := c.From()
	if err != nil || from != (mail.Address{Name: "Ada", Address: "ada@example.com"}) {
		t.Errorf("sender: %v, %v", from, err)
	}
	if c.DatabaseURL != "postgres://db" || c.Listen != "[::]:90" || c.Base() != "http://localhost:90" {
		t.Errorf("settings: %+v, links begin with %s", c, c.Base())
	}
}

func TestEveryMistakeHasALineThatNamesTheSetting(t *testing.T) {
	clean(t)
	t.Setenv("CLOSELOOP_LISTEN", "8080")
	t.Setenv("CLOSELOOP_ADMIN_TOKEN", "s3cret")
	t.Setenv("CLOSELOOP_SMTP_URL", "mail.example.com:25")
	t.Setenv("CLOSELOOP_MAIL_FROM", "nobody")
	t.Setenv("CLOSELOOP_PUBLIC_URL", "closeloop.example.com")
	t.Setenv("CLOSELOOP_RATE_LIMIT", "29999")
	t.Setenv("CLOSELOOP_RATE_RESTORE", "2000000001")
	t.Setenv("CLOSELOOP_LOG", "loud")
	t.Setenv("CLOSELOOP_MAX_SOCKETS", "-1")
	t.Setenv("CLOSELOOP_MAX_MESSAGE_BYTES", "-2")
	t.Setenv("CLOSELOOP_INIT_TIMEOUT", "-3s")
	_, err := parse(t)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		`CLOSELOOP_LISTEN: "8080" must be host:port`,
		`CLOSELOOP_ADMIN_TOKEN: must have at least 16 characters, not 6`,
		`CLOSELOOP_SMTP_URL: must begin with smtp:// or smtps://`,
		`CLOSELOOP_MAIL_FROM: "nobody" is not a mail address`,
		`CLOSELOOP_PUBLIC_URL: must begin with http:// or https://`,
		`CLOSELOOP_RATE_LIMIT: must be a number from 30000 to 2000000000, not 29999`,
		`CLOSELOOP_RATE_RESTORE: must be a number from 1 to 2000000000, not 2000000001`,
		`CLOSELOOP_MAX_SOCKETS: must be a number above 0, not -1`,
		`CLOSELOOP_MAX_MESSAGE_BYTES: must be a number above 0, not -2`,
		`CLOSELOOP_INIT_TIMEOUT: must be a time above 0, such as 3s, not -3s`,
		`CLOSELOOP_LOG: "loud" is none of`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%v", len(lines), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d is %q, want %q…", i, lines[i], want[i])
		}
	}
}

func TestARateIsANumberWithinItsBounds(t *testing.T) {
	clean(t)
	c, err := parse(t, "--rate-limit=50000", "--rate-restore=7")
	if err != nil {
		t.Fatal(err)
	}
	if limit, restore := c.Rate(); limit != 50_000 || restore != 7 {
		t.Errorf("%d, %d", limit, restore)
	}
	if limit, restore := new(Config).Rate(); limit != 2_000_000 || restore != 100_000 {
		t.Errorf("the defaults: %d, %d", limit, restore)
	}
	for _, given := range []string{"-1", "many", "1.5", "29999"} {
		if _, err := parse(t, "--rate-limit="+given); err == nil {
			t.Errorf("%s is taken", given)
		}
	}
}

func TestAMailServerNeedsASender(t *testing.T) {
	t.Parallel()
	c := Config{DatabaseURL: "postgres://db", Listen: ":0", SMTPURL: "smtp://mail.example.com"}
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "CLOSELOOP_MAIL_FROM: needed when CLOSELOOP_SMTP_URL is set") {
		t.Errorf("error: %v", err)
	}
	c.MailFrom = "closeloop@example.com"
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAMailServerIsReadOutOfItsURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]SMTP{
		"smtp://mail.example.com":                  {Host: "mail.example.com", Port: 587},
		"smtps://mail.example.com":                 {Host: "mail.example.com", Port: 465, TLS: true},
		"smtp://ada:p%40ss%2F@mail.example.com:25": {Host: "mail.example.com", Port: 25, User: "ada", Password: "p@ss/"},
		"SMTP://[::1]:2525/":                       {Host: "::1", Port: 2525},
		"smtps://a%40b.c:x@mail.example.com:465":   {Host: "mail.example.com", Port: 465, User: "a@b.c", Password: "x", TLS: true},
	} {
		c := Config{SMTPURL: given}
		if got, err := c.SMTP(); err != nil || got != want {
			t.Errorf("%s: %+v, %v", given, got, err)
		}
	}
}

func TestAMistakeInTheMailServersURLIsToldWithoutThePassword(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"http://ada:s3cret@host":        "must begin with smtp://",
		"ada:s3cret@host":               "must begin with smtp://",
		"smtp://ada:s3cret/x@host":      "write / as %2F",
		"smtp://ada:s3c%ret@host":       "% as %25",
		"smtp://ada:s3cret@":            "names no host",
		"smtp://ada@host":               "only one of user and password",
		"smtp://:s3cret@host":           "only one of user and password",
		"smtp://ada:s3cret@host:99999":  "from 1 to 65535",
		"smtp://ada:s3cret@host?s3cret": "behind the port",
		"smtp://ada:s3cret#1@host":      "%23",
	} {
		c := Config{SMTPURL: given}
		_, err := c.SMTP()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestLinksBeginWithThePublicURLWithoutASlash(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://nps.example.com/":    "https://nps.example.com",
		"http://example.com/loop":     "http://example.com/loop",
		"https://example.com:8443":    "https://example.com:8443",
		"https://example.com/?a=b":    "",
		"https://u:p@example.com":     "",
		"ftp://example.com":           "",
		"https:///path":               "",
		"https:example.com":           "",
		"https://example.com/#anchor": "",
	} {
		err := checkPublic(given)
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", given, err)
		}
		if c := (&Config{PublicURL: given}); err == nil && c.Base() != want {
			t.Errorf("%s: links begin with %s", given, c.Base())
		}
	}
}

func TestATokenIsLongAndFitsAHeader(t *testing.T) {
	t.Parallel()
	for token, good := range map[string]bool{
		"0123456789abcdef": true, "0123456789abcde": false, "0123456789 abcdef": false, "ääääääääääääääää": false, "0123456789abcd\r\n": false,
	} {
		if err := checkToken(token); (err == nil) != good {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestTheFolderFollowsTheSystemsCustoms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		system    string
		uid       int
		home, xdg string
		want      string
	}{
		{"linux", 0, "/root", "/root/x", "/var/lib/closeloop"},
		{"linux", 7, "/home/ada", "", "/home/ada/.local/share/closeloop"},
		{"linux", 7, "/home/ada", "/data", "/data/closeloop"},
		{"linux", 7, "/home/ada", "relative", "/home/ada/.local/share/closeloop"},
		{"linux", 7, "", "/data", "/data/closeloop"},
		{"linux", 7, "", "", ""},
		{"darwin", 7, "/Users/ada", "/data", "/Users/ada/Library/Application Support/closeloop"},
		{"windows", -1, "", "", "local/closeloop"},
	} {
		got, err := defaultFolder(c.system, c.uid, func(name string) string {
			return map[string]string{"HOME": c.home, "XDG_DATA_HOME": c.xdg, "LOCALAPPDATA": "local"}[name]
		})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	if got, err := (&Config{DataDir: "data"}).Folder(); err != nil || !strings.HasPrefix(got, "/") {
		t.Errorf("a relative folder became %q, %v", got, err)
	}
}

func TestTheLogHasTheLevelAndTheFormatThatWereAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given       string
		debug, json bool
	}{
		{"", false, false}, {"info,text", false, false}, {"debug", true, false}, {"json", false, true}, {"DEBUG/json", true, true},
	} {
		var out bytes.Buffer
		log := (&Config{Log: c.given}).Logger(&out)
		log.Debug("quiet")
		log.Info("loud")
		if got := strings.Contains(out.String(), "quiet"); got != c.debug {
			t.Errorf("%q: debug lines %t", c.given, got)
		}
		if got := strings.HasPrefix(out.String(), "{"); got != c.json {
			t.Errorf("%q: JSON %t", c.given, got)
		}
	}
}
