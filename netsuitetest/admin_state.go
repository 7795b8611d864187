package netsuitetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// stateRoutes are the settings and the state for other processes.
func (s *Server) stateRoutes(on func(pattern string, h handler)) {
	on("GET /_emulator/settings", s.getSettings)
	on("PATCH /_emulator/settings", s.patchSettings)
	on("GET /_emulator/state", s.getState)
	on("PUT /_emulator/state", s.putState)
	on("POST /_emulator/reset", adminPost(func(struct{}) error { return s.Reset() }))
}

// settingJSON is a row of the table with the value in force.
type settingJSON struct {
	Setting
	Value string `json:"value"`
}

func (s *Server) getSettings(c *call) {
	now := s.Settings()
	rows := make([]settingJSON, len(settingsTable))
	for i, row := range settingsTable {
		rows[i] = settingJSON{row, row.text(&now)}
	}
	c.met("the emulator's own face")
	c.json(http.StatusOK, rows)
}

// patchSettings changes settings by name: {"expires_in_type":"number","code_ttl":"2m"}; null is the default. All are changed,
// or none.
func (s *Server) patchSettings(c *call) {
	var in map[string]json.RawMessage
	err := readJSON(c, &in)
	if err == nil {
		err = s.ChangeSettings(func(settings *Settings) error { return patch(settings, in) })
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	s.getSettings(c)
}

func patch(settings *Settings, in map[string]json.RawMessage) error {
	if len(in) == 0 {
		return errors.New("settings: want at least one by its name; GET lists them")
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		row, err := settingNamed(name)
		if err != nil {
			return err
		}
		if string(in[name]) == "null" {
			row.field(settings).SetZero()
			continue
		}
		var value any
		if err := json.Unmarshal(in[name], &value); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
		if err := (seedSettings{name: value}).apply(settings); err != nil {
			return err
		}
	}
	return nil
}

const stateType = "application/gzip"

// getState answers with the state as a file, for PUT or SaveState's readers.
func (s *Server) getState(c *call) {
	snapshot, err := s.Snapshot()
	var file bytes.Buffer
	if err == nil {
		_, err = snapshot.WriteTo(&file)
	}
	if err != nil {
		c.adminError(http.StatusInternalServerError, err)
		return
	}
	c.met("the emulator's own face")
	c.w.Header().Set("Content-Type", stateType)
	c.w.Header().Set("Content-Disposition", `attachment; filename="emulator-state.json.gz"`)
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(file.Bytes()) // into memory
}

// putState restores a state that GET gave. The content type keeps other sites' forms out.
func (s *Server) putState(c *call) {
	err := errors.New("content type: want " + stateType)
	if c.r.Header.Get("Content-Type") == stateType {
		var snapshot *Snapshot
		if snapshot, err = ReadSnapshot(io.LimitReader(c.r.Body, maxBody)); err == nil {
			err = s.Restore(snapshot)
		}
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	c.done()
}
