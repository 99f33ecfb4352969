package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Create an API token for a user, and the user too where there is none. Prints the secret. The token works for as many days as tokenLifetimeDays of the settings says."`
}

type tokenCreateCommand struct {
	User string `required:"" placeholder:"EMAIL" help:"The user's e-mail address."`
	Role string `required:"" enum:"ADMIN,MANAGER,AGENT,STAKEHOLDER,PARTNER,INTAKE" placeholder:"ROLE" help:"What the user may do: ${enum}."`
}

func (t *tokenCreateCommand) Run(ctx context.Context, c *config.Config, out io.Writer) error {
	a, err := openExisting(ctx, c, "token create")
	if err != nil {
		return err
	}
	defer a.Close()
	secret, err := a.Users.IssueToken(ctx, auth.System("token create"), t.User, model.Role(t.Role))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, secret)
	return nil
}
