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

// grammar embeds the settings in a command line's grammar, as the program does.
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

// clean empties all settings in the environment, so that the developer's own settings do not affect the test.
func clean(t *testing.T) {
	t.Helper()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if name := field.Tag.Get("env"); name != "" {
			t.Setenv(name, "")
		}
	}
}

func TestParse(t *testing.T) {
	t.Run("accepts no settings at all", func(t *testing.T) {
		clean(t)
		c, err := parse(t)
		if err != nil {
			t.Fatal(err)
		}
		if c.Listen != "127.0.0.1:8080" || c.Base() != "http://127.0.0.1:8080" {
			t.Errorf("Listen is %q and Base() is %q, want the defaults", c.Listen, c.Base())
		}
		if smtp, err := c.SMTP(); err != nil || smtp != (SMTP{}) {
			t.Errorf("SMTP() = %+v, %v, want no mail server", smtp, err)
		}
		if from, err := c.From(); err != nil || from.Address != "closeloop@localhost" {
			t.Errorf("From() = %v, %v, want closeloop@localhost", from, err)
		}
	})

	t.Run("reads the limits of sockets", func(t *testing.T) {
		t.Setenv("CLOSELOOP_MAX_SOCKETS", "") // compose files set empty variables
		c, err := parse(t, "--max-sockets-per-token=7", "--init-timeout=1m")
		if err != nil {
			t.Fatal(err)
		}
		if want := (Live{0, 7, 100, 256 << 10, Duration(time.Minute), Duration(200 * time.Millisecond)}); c.Live != want {
			t.Errorf("limits are %+v, want %+v", c.Live, want)
		}
		for _, wrong := range []string{"--max-sockets=many", "--max-message-bytes=1k", "--init-timeout=soon"} {
			if _, err := parse(t, wrong); err == nil || !strings.Contains(err.Error(), "is not a ") {
				t.Errorf("%s: got %v, want a refusal", wrong, err)
			}
		}
	})

	t.Run("reads the limits of a token", func(t *testing.T) {
		t.Setenv("CLOSELOOP_LIST_TIMEOUT", "")
		c, err := parse(t, "--token-share=25", "--write-timeout=1m")
		if err != nil {
			t.Fatal(err)
		}
		want := Limits{25, Duration(15 * time.Second), 0, Duration(10 * time.Second), Duration(time.Minute)}
		if c.Limits != want {
			t.Errorf("limits are %+v, want %+v", c.Limits, want)
		}
	})

	t.Run("prefers a flag to the environment", func(t *testing.T) {
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
			t.Errorf("From() = %v, %v, want Ada <ada@example.com>", from, err)
		}
		if c.DatabaseURL != "postgres://db" || c.Listen != "[::]:90" || c.Base() != "http://localhost:90" {
			t.Errorf("settings are %+v and Base() is %q, want the flag's address and the environment's database", c, c.Base())
		}
	})
}

func TestValidate(t *testing.T) {
	t.Run("names the setting of every mistake on a line of its own", func(t *testing.T) {
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
		t.Setenv("CLOSELOOP_FILTER_TIME", "2s")
		t.Setenv("CLOSELOOP_TOKEN_SHARE", "101")
		t.Setenv("CLOSELOOP_LIST_TIMEOUT", "1ms")
		t.Setenv("CLOSELOOP_WRITE_TIMEOUT", "25h")
		_, err := parse(t)
		if err == nil {
			t.Fatal("parse accepts settings with mistakes")
		}
		lines := strings.Split(err.Error(), "\n")
		want := []string{
			`CLOSELOOP_LISTEN: "8080" must be host:port`,
			`CLOSELOOP_ADMIN_TOKEN: must have at least 32 characters, not 6`,
			`CLOSELOOP_SMTP_URL: must begin with smtp:// or smtps://`,
			`CLOSELOOP_MAIL_FROM: "nobody" is not a mail address`,
			`CLOSELOOP_PUBLIC_URL: must begin with http:// or https://`,
			`CLOSELOOP_RATE_LIMIT: must be a number from 30000 to 2000000000, not 29999`,
			`CLOSELOOP_RATE_RESTORE: must be a number from 1 to 2000000000, not 2000000001`,
			`CLOSELOOP_MAX_SOCKETS: must be greater than 0, not -1`,
			`CLOSELOOP_MAX_MESSAGE_BYTES: must be greater than 0, not -2`,
			`CLOSELOOP_INIT_TIMEOUT: must be greater than 0, such as 3s, not -3s`,
			`CLOSELOOP_FILTER_TIME: must be greater than 0 and at most 1s, such as 200ms, not 2s`,
			`CLOSELOOP_TOKEN_SHARE: must be a number from 1 to 100, not 101`,
			`CLOSELOOP_LIST_TIMEOUT: must be from 10ms to 24h, not 1ms`,
			`CLOSELOOP_WRITE_TIMEOUT: must be from 10ms to 24h, not 25h0m0s`,
			`CLOSELOOP_LOG: "loud" must be one of`,
		}
		if len(lines) != len(want) {
			t.Fatalf("the error has %d lines, want %d:\n%v", len(lines), len(want), err)
		}
		for i := range want {
			if !strings.HasPrefix(lines[i], want[i]) {
				t.Errorf("line %d is %q, want %q…", i, lines[i], want[i])
			}
		}
	})

	t.Run("requires a sender with a mail server", func(t *testing.T) {
		t.Parallel()
		c := Config{DatabaseURL: "postgres://db", Listen: ":0", SMTPURL: "smtp://mail.example.com"}
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "CLOSELOOP_MAIL_FROM: is required when CLOSELOOP_SMTP_URL is set") {
			t.Errorf("Validate returned %v, want that the sender is required", err)
		}
		c.MailFrom = "closeloop@example.com"
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	})
}

func TestRate(t *testing.T) {
	clean(t)
	c, err := parse(t, "--rate-limit=50000", "--rate-restore=7")
	if err != nil {
		t.Fatal(err)
	}
	if limit, restore := c.Rate(); limit != 50_000 || restore != 7 {
		t.Errorf("Rate() = %d, %d, want 50000, 7", limit, restore)
	}
	if limit, restore := new(Config).Rate(); limit != 600_000 || restore != 20_000 {
		t.Errorf("the default rate is %d, %d, want 600000, 20000", limit, restore)
	}
	for _, given := range []string{"-1", "many", "1.5", "29999"} {
		if _, err := parse(t, "--rate-limit="+given); err == nil {
			t.Errorf("parse accepts the rate limit %s", given)
		}
	}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	t.Run("parses the URL", func(t *testing.T) {
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
				t.Errorf("%s: got %+v, %v, want %+v", given, got, err, want)
			}
		}
	})

	t.Run("shows no password in an error", func(t *testing.T) {
		t.Parallel()
		for given, want := range map[string]string{
			"http://ada:s3cret@host":        "must begin with smtp://",
			"ada:s3cret@host":               "must begin with smtp://",
			"smtp://ada:s3cret/x@host":      "write / as %2F",
			"smtp://ada:s3c%ret@host":       "% as %25",
			"smtp://ada:s3cret@":            "must name a host",
			"smtp://ada@host":               "both user and password, or neither",
			"smtp://:s3cret@host":           "both user and password, or neither",
			"smtp://ada:s3cret@host:99999":  "from 1 to 65535",
			"smtp://ada:s3cret@host?s3cret": "must end with the port",
			"smtp://ada:s3cret#1@host":      "%23",
		} {
			c := Config{SMTPURL: given}
			_, err := c.SMTP()
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: got %v, want an error that contains %q and hides the password", given, err, want)
			}
		}
	})
}

func TestBase(t *testing.T) {
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
			t.Errorf("checkPublic(%q) returned %v, want it accepted: %t", given, err, want != "")
		}
		if c := (&Config{PublicURL: given}); err == nil && c.Base() != want {
			t.Errorf("%s: Base() is %q, want %q", given, c.Base(), want)
		}
	}
}

func TestCheckToken(t *testing.T) {
	t.Parallel()
	for token, good := range map[string]bool{
		strings.Repeat("0123456789abcdef", 2): true, strings.Repeat("0123456789abcdef", 2)[1:]: false, "0123456789 abcdef0123456789abcdef": false,
		strings.Repeat("ä", 32): false, "0123456789abcdef0123456789abcd\r\n": false,
	} {
		if err := checkToken(token); (err == nil) != good {
			t.Errorf("checkToken(%q) returned %v, want it accepted: %t", token, err, good)
		}
	}
}

func TestFolder(t *testing.T) {
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
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
	if got, err := (&Config{DataDir: "data"}).Folder(); err != nil || !strings.HasPrefix(got, "/") {
		t.Errorf("Folder() = %q, %v for a relative folder, want an absolute one", got, err)
	}
}

func TestLogger(t *testing.T) {
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
			t.Errorf("%q: debug lines are written: %t, want %t", c.given, got, c.debug)
		}
		if got := strings.HasPrefix(out.String(), "{"); got != c.json {
			t.Errorf("%q: lines are JSON: %t, want %t", c.given, got, c.json)
		}
	}
}
