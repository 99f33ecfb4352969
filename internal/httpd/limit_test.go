package httpd

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestLimitsAreInTheDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| %d,%03d tokens |", tokensMax/1000, tokensMax%1000),
		fmt.Sprintf("| %d,%03d fields |", fieldsMax/1000, fieldsMax%1000),
		fmt.Sprintf("| %d levels |", depthMax),
		fmt.Sprintf("| %d fields |", sameNameMax),
	} {
		if !strings.Contains(string(document), row) {
			t.Errorf("docs/limits.md has no %s", row)
		}
	}
}
