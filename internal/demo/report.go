package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// report prints the steps, as JSON lines for programs or as a list for people.
type report struct {
	json bool
	out  io.Writer
}

// step times f and prints what came of it.
func (r *report) step(name string, f func() (facts, error)) error {
	begin := time.Now()
	told, err := f()
	r.print(name, time.Since(begin), told, err)
	if err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	return nil
}

func (r *report) print(name string, took time.Duration, told facts, err error) {
	if !r.json {
		r.line(name, took, told, err)
		return
	}
	object := facts{"step": name, "ok": err == nil, "ms": took.Milliseconds()}
	maps.Copy(object, told)
	if err != nil {
		object["error"] = err.Error()
	}
	// Maps of plain values always encode.
	line, _ := json.Marshal(object)
	fmt.Fprintf(r.out, "%s\n", line)
}

func (r *report) line(name string, took time.Duration, told facts, err error) {
	mark := "ok  "
	if err != nil {
		mark = "FAIL"
	}
	fmt.Fprintf(r.out, "%s  %-9s %6d ms ", mark, name, took.Milliseconds())
	for _, key := range slices.Sorted(maps.Keys(told)) {
		fmt.Fprintf(r.out, "  %s=%v", key, told[key])
	}
	fmt.Fprintln(r.out)
}

// say prints words for people; programs get none.
func (r *report) say(format string, args ...any) {
	if !r.json {
		fmt.Fprintf(r.out, format, args...)
	}
}
