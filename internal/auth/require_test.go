package auth_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		viewer auth.Viewer
		want   fault.Code
	}{
		"lets the named role through":       {viewer(model.Manager), ""},
		"lets an administrator through":     {viewer(model.Admin), ""},
		"lets the system through":           {auth.System("token create"), ""},
		"refuses another role":              {viewer(model.Agent), fault.CodeForbidden},
		"refuses a viewer who is not set":   {auth.Viewer{}, fault.CodeUnauthenticated},
		"refuses a system that has no name": {auth.System(""), fault.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.viewer.Require(model.Manager)
			if (err != nil || c.want != "") && code(err) != c.want {
				t.Errorf("answered %v, not the code %q", err, c.want)
			}
		})
	}
}

func TestSystemSeesEverything(t *testing.T) {
	t.Parallel()
	if s := auth.System("token create").Scope(); s.Restricted() || s.Masked() {
		t.Errorf("its scope is %+v", s)
	}
}
