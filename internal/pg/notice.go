package pg

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/closeloop/closeloop/internal/pg/cluster"
)

// The states of an owner.
const (
	starting = "starting"
	ready    = "ready"
	stopping = "stopping"
)

// notice is the owner's description of itself, in owner.json. The file of a killed owner stays, so
// that only the lock proves that an owner exists.
type notice struct {
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Serve   bool   `json:"serve"`
	State   string `json:"state"`
	URL     string `json:"url,omitempty"`
}

func (n notice) String() string {
	if n.PID == 0 {
		return "another program"
	}
	return fmt.Sprintf("closeloop %s (process %d)", n.Command, n.PID)
}

// readNotice returns the zero notice if it cannot read one: an owner has not written its first yet.
func readNotice(path string) notice {
	var n notice
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &n) != nil {
		return notice{}
	}
	return n
}

// writeNotice replaces the file by a rename, so that no reader sees a half-written file.
func writeNotice(folder, path string, n notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	half := path + ".new"
	err = os.WriteFile(half, text, 0o600)
	if err == nil {
		err = cluster.Adopt(folder, half)
	}
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		return fmt.Errorf("write the notice: %w", err)
	}
	return nil
}
