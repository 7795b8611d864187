package netsuite

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const jobPath = "/services/rest/async/v1/job/"

var (
	jobIDForm = newForm(`^[A-Za-z0-9_-]{1,100}$`)
	uuidForm  = newForm(`^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

// JobState is how far a job or a task has come, in NetSuite's word.
type JobState string

// The states. NetSuite documents the first and the third (H/subsect_161278579295, H/subsect_161252896355); another word
// that it may use comes through unchanged.
const (
	JobPending    JobState = "pending"
	JobProcessing JobState = "processing"
	JobSucceeded  JobState = "succeeded"
	JobFailed     JobState = "failed"
)

// Job is a request that NetSuite works on after it has answered.
type Job struct {
	ID        string
	Key       string // idempotency key that it was started with; "" from Job and WaitJob, which do not know it
	State     JobState
	Completed bool // nothing more will happen, for good or ill; JobOutcomes says which
}

// StartAsync hands NetSuite a request to work on later (H/chapter_161251386312). method, path and body are those of Do.
//
// It is safe to repeat, also after ErrResponseLost: key, a UUID, names the request, and a repetition with the same key
// returns the job that the first one started (H/subsect_164494900632). A key of "" makes a new one. The Job that is
// returned beside an error holds that key, and nothing else; give it to the repetition. One key is for one request:
// NetSuite does not compare what is sent.
//
// WaitJob waits for the end and JobOutcomes returns what came of it.
func (a *API) StartAsync(ctx context.Context, method, path string, body any, key string) (*Job, error) {
	r, err := a.restRequest(opAsync, method, path, body)
	if err != nil {
		return nil, err
	}
	return a.startJob(ctx, r, key)
}

// startJob sends a request as a job.
func (a *API) startJob(ctx context.Context, r *request, key string) (*Job, error) {
	if key == "" {
		key = newUUID()
	}
	if !uuidForm.MatchString(key) {
		return nil, fmt.Errorf("%s: the idempotency key must be a UUID, such as cac827ea-3543-4cda-add2-bae634326c27, or empty to have one made", r.op)
	}
	prefer := "respond-async"
	if other := r.header.Get("Prefer"); other != "" {
		prefer = other + ", " + prefer // SuiteQL needs transient as well (RFC 7240 section 2)
	}
	r.header.Set("Prefer", prefer)
	r.header.Set("X-NetSuite-idempotency-key", key)
	ans, err := r.do(ctx, a.client())
	if err != nil && !isRepetition(err) {
		return &Job{Key: key}, err
	}
	id, ok := r.location(ans, jobPath)
	switch {
	case ok && jobIDForm.MatchString(id):
		return &Job{ID: id, Key: key, State: JobPending}, nil
	case err != nil:
		return &Job{Key: key}, err
	}
	return &Job{Key: key}, &Error{
		Op: r.op, Status: ans.status, Err: ErrUnreadable,
		Detail: "NetSuite took the request, but the Location header of its answer names no job",
		Hint:   "the request may have been carried out at once; look for its effect, or repeat it with the same key",
	}
}

// isRepetition reports whether NetSuite refused a request because its key is known. The answer's Location is the first job.
func isRepetition(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "IDEMPOTENCY_ERROR"
}

// newUUID makes a random one (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Job asks how far a job has come. One that NetSuite does not know, or no longer, is ErrNotFound.
func (a *API) Job(ctx context.Context, id string) (*Job, error) {
	r, ans, err := a.getJob(ctx, opJob, id, "")
	if err != nil {
		return nil, err
	}
	p, err := readProgress(ans.body)
	if err != nil {
		return nil, r.unreadable(ans, err.Error())
	}
	return &Job{ID: id, State: p.State, Completed: p.completed()}, nil
}

// progress is what a job and a task say of themselves.
type progress struct {
	ID        lenientText `json:"id"`
	State     JobState    `json:"progress"`
	Completed lenientBool `json:"completed"`
	Links     []struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	} `json:"links"`
}

func (p progress) completed() bool {
	return bool(p.Completed) || p.State == JobSucceeded || p.State == JobFailed
}

func readProgress(body []byte) (progress, error) {
	var p progress
	if json.Unmarshal(body, &p) != nil || p.State == "" && !bool(p.Completed) {
		return progress{}, errors.New("the answer does not say how far the job is")
	}
	p.State = JobState(oneLine(string(p.State), maxState))
	return p, nil
}

// Pauses between two looks at a job, and how many failed looks in a row are taken as NetSuite being away for a moment.
const (
	firstLookPause   = time.Second
	longestLookPause = 30 * time.Second
	maxFailedLooks   = 5
)

// WaitJob looks at a job until it is completed, at once and then with pauses that grow from one second to thirty, or as
// long as NetSuite asks for. A look that fails in a way that waiting may help is repeated, five times in a row at most. When
// ctx ends the job goes on in NetSuite; ask for it again by its ID.
func (a *API) WaitJob(ctx context.Context, id string) (*Job, error) {
	failed := 0
	for pause := firstLookPause; ; pause = min(pause*3/2, longestLookPause) {
		job, err := a.Job(ctx, id)
		switch {
		case err == nil && job.Completed:
			return job, nil
		case err == nil:
			failed = 0
		case failed == maxFailedLooks || !IsTemporary(err):
			return nil, err
		default:
			failed++
		}
		if err := sleep(ctx, max(pause, askedPause(err))); err != nil {
			return nil, &Error{Op: opJob, Hint: "the job goes on in NetSuite; ask for it again by its ID", Err: err}
		}
	}
}

func askedPause(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Outcome is what came of one task of a job: of the one request, or of one record of a batch.
type Outcome struct {
	Task string          // NetSuite's ID of the task
	ID   string          // the record that was made or written, when the result names one; else ""
	Body json.RawMessage // what the request would have answered at once; nil when that is nothing
	Err  error           // nil for a success, else the *Error with NetSuite's code
}

// JobOutcomes returns what came of a completed job, task by task in the order of their numbers, with one request for each
// (H/subsect_161252896355, H/subsect_161252889998). A batch has a task for each record, which is taken to be in the order
// in which the records were given. The error is that of asking; what a task was refused stands in its Outcome.
func (a *API) JobOutcomes(ctx context.Context, id string) ([]Outcome, error) {
	job, err := a.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	if !job.Completed {
		return nil, &Error{Op: opJob, Status: http.StatusOK, Detail: "the job is not completed, it is " + string(job.State), Hint: "wait for it with WaitJob"}
	}
	tasks, err := a.jobTasks(ctx, id)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(tasks))
	for i, task := range tasks {
		if outcomes[i], err = a.taskOutcome(ctx, id, task); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// jobTasks returns the IDs of a job's tasks.
func (a *API) jobTasks(ctx context.Context, id string) ([]string, error) {
	r, ans, err := a.getJob(ctx, opJob, id, "/task")
	if err != nil {
		return nil, err
	}
	tasks, err := readTasks(ans.body)
	if err != nil {
		return nil, r.unreadable(ans, err.Error())
	}
	return tasks, nil
}

// readTasks reads a collection whose items have an ID, or a link that ends in it.
func readTasks(body []byte) ([]string, error) {
	var page struct {
		Items   []progress  `json:"items"`
		HasMore lenientBool `json:"hasMore"`
	}
	if json.Unmarshal(body, &page) != nil || page.Items == nil {
		return nil, errors.New("the answer is not a list of tasks")
	}
	if page.HasMore {
		return nil, errors.New("the job has more tasks than one page") // beyond 100 records there is no batch
	}
	tasks := make([]string, len(page.Items))
	for i, item := range page.Items {
		if tasks[i] = item.taskID(); !jobIDForm.MatchString(tasks[i]) {
			return nil, errors.New("a task of the list has no ID")
		}
	}
	slices.SortFunc(tasks, compareIDs)
	return tasks, nil
}

func (p progress) taskID() string {
	if p.ID != "" {
		return string(p.ID)
	}
	for _, l := range p.Links {
		if _, id, ok := strings.Cut(l.Href, "/task/"); ok && l.Rel == "self" {
			return id
		}
	}
	return ""
}

// compareIDs puts numbers in the order of their values.
func compareIDs(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(x, y)
}

// taskOutcome reads the result of a task, which is the answer that the request would have had at once, refusals included.
func (a *API) taskOutcome(ctx context.Context, id, task string) (Outcome, error) {
	r, ans, err := a.getJob(ctx, opTask, id, "/task/"+task+"/result")
	if err == nil {
		err = r.refusedWithin(ans)
	}
	switch {
	case err == nil:
		return r.outcome(ans, task), nil
	case ans == nil || IsTemporary(err) || errors.Is(err, ErrLogin) || errors.Is(err, ErrRedirect) || errors.Is(err, ErrTooLarge):
		return Outcome{}, err // of the asking, not of the task
	}
	return Outcome{Task: task, Err: err}, nil
}

// refusedWithin makes an Error of a refusal that was told in an answer of 200.
func (r *request) refusedWithin(a *answer) error {
	var body struct {
		Status  int               `json:"status"`
		Details []json.RawMessage `json:"o:errorDetails"`
	}
	if json.Unmarshal(a.body, &body) != nil || len(body.Details) == 0 {
		return nil
	}
	return r.refusal(&answer{status: cmp.Or(body.Status, http.StatusBadRequest), header: a.header, body: a.body})
}

func (r *request) outcome(a *answer, task string) Outcome {
	o := Outcome{Task: task}
	if json.Valid(a.body) {
		o.Body = a.body
	}
	if rest, ok := r.location(a, recordPath); ok {
		if _, id, ok := strings.Cut(rest, "/"); ok && externalIDForm.MatchString(id) {
			o.ID = id
			return o
		}
	}
	var record struct {
		ID lenientText `json:"id"`
	}
	if json.Unmarshal(a.body, &record) == nil {
		o.ID = string(record.ID)
	}
	return o
}

func (a *API) getJob(ctx context.Context, op, id, rest string) (*request, *answer, error) {
	if !jobIDForm.MatchString(id) {
		return nil, nil, fmt.Errorf("%s: job ID must be 1 to 100 letters, digits, _ or -; take it from Job.ID", op)
	}
	r, err := a.request(op, ServiceSuiteTalk, http.MethodGet, jobPath+id+rest, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	ans, err := r.do(ctx, a.client())
	return r, ans, err
}
