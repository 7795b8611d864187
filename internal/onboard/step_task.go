package onboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// doTask makes the next of the app's own requests. They are idempotent by definition, so one that was cut by a crash is
// simply made again.
func doTask(ctx context.Context, w *work) (outcome, error) {
	t := w.App.Tasks[w.Run.TasksDone]
	api, err := w.api("task: " + t.Name)
	if err != nil {
		return pause, err
	}
	var body any
	if t.Request.Body != nil {
		body = t.Request.Body
	}
	_, _, err = api.Do(ctx, t.Request.Method, t.Request.Path, body)
	gone := t.Request.Method == http.MethodDelete && errors.Is(err, netsuite.ErrNotFound)
	if err != nil && !gone && (temporary(err) || errors.Is(err, netsuite.ErrLogin)) {
		return pause, err
	}
	if err != nil && !gone {
		return pause, stop(broker.CodeTaskFailed, fmt.Sprintf("Task “%s”: %s", t.Name, sentence(err)))
	}
	w.Run.TasksDone++
	return goOn, nil
}
