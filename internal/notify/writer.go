package notify

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	netmail "net/mail"
	"strings"
	texttemplate "text/template"

	"github.com/wneessen/go-mail"
)

//go:embed mail.txt mail.html
var templates embed.FS

// writer writes mails.
type writer struct {
	from   *netmail.Address
	public string // without a slash at the end
	text   *texttemplate.Template
	html   *htmltemplate.Template
}

func newWriter(from, public string) (*writer, error) {
	w := new(writer)
	var err error
	if w.from, err = parseFrom(from); err != nil {
		return nil, err
	}
	if w.public, err = parsePublicURL(public); err != nil {
		return nil, err
	}
	if w.text, err = texttemplate.ParseFS(templates, "mail.txt"); err != nil {
		return nil, fmt.Errorf("read the mail's text: %w", err)
	}
	if w.html, err = htmltemplate.ParseFS(templates, "mail.html"); err != nil {
		return nil, fmt.Errorf("read the mail's HTML: %w", err)
	}
	return w, nil
}

// write returns a multipart/alternative mail with text before HTML.
func (w *writer) write(data *mailData, to *netmail.Address) (*mail.Msg, error) {
	v := data.view(w.public)
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(w.from)
	m.ToMailAddress(&netmail.Address{Address: to.Address})
	m.Subject(v.Subject)
	m.SetMessageIDWithValue(data.notification.ID.String() + "@" + domain(w.from))
	// These headers prevent out-of-office replies (RFC 3834, section 5; the second header is for Exchange).
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader(mail.HeaderXAutoResponseSuppress, "All")
	if err := m.SetBodyTextTemplate(w.text, v); err != nil {
		return nil, fmt.Errorf("write the text: %w", err)
	}
	if err := m.AddAlternativeHTMLTemplate(w.html, v); err != nil {
		return nil, fmt.Errorf("write the HTML: %w", err)
	}
	return m, nil
}

func domain(a *netmail.Address) string { return a.Address[strings.LastIndexByte(a.Address, '@')+1:] }

func parseTo(to string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(to)
	if err != nil {
		return nil, errors.New("the recipient is not an e-mail address")
	}
	return a, nil
}
