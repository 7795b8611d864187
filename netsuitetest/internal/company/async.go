package company

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This file runs record requests with Prefer: respond-async as jobs (H/chapter_161251386312) and answers
// /services/rest/async/v1/job/<id>[/task[/<n>[/result]]]. A job has one task, that of a batch one for each record.

const (
	asyncPath = "/services/rest/async/v1/job/"

	// maxJobs bounds the jobs that are kept; the oldest go first, and their idempotency keys with them.
	maxJobs = 10_000

	idempotencyHeader = "X-NetSuite-idempotency-key"
	maxIdempotencyKey = 255 // characters; a UUID has 36

	preferenceApplied = "Preference-Applied" // RFC 7240, section 3
	respondAsync      = "respond-async"

	asyncMoment = "2006-01-02T15:04:05.000Z"
)

// Where a job stands. Oracle shows the first word; clients in the field know the others, but for processing,
// which is a guess.
const (
	progressPending    = "pending"
	progressProcessing = "processing"
	progressSucceeded  = "succeeded"
	progressFailed     = "failed"
)

const (
	ruleAsync       = "any record request with Prefer: respond-async becomes a job (H/subsect_161278579295)"
	ruleJob         = "a job is looked at with GET, by the integration and the user that sent it (H/subsect_161278579295; the restriction is a guess)"
	ruleIdempotency = "an idempotency key makes one job; sent again it leads to that job (H/subsect_164494900632)"
)

// jobs are an account's jobs.
type jobs struct {
	mu    sync.Mutex
	last  int64           // guarded by mu; id of the newest job
	byID  map[int64]*job  // guarded by mu
	order []*job          // guarded by mu; oldest first
	keys  map[jobKey]*job // guarded by mu
	due   map[int64]*job  // guarded by mu; jobs that wait for their time
}

func newJobs() jobs {
	return jobs{byID: map[int64]*job{}, keys: map[jobKey]*job{}, due: map[int64]*job{}}
}

// jobKey is an idempotency key as its sender may use it.
type jobKey struct{ integration, key string }

type job struct {
	id        int64
	caller    Caller
	key       jobKey
	submitted time.Time
	due       time.Time // when the tasks run
	tasks     []*task

	done chan struct{} // closed when all tasks have run; they are not touched afterwards
}

// task is one request of a job: the request itself until it has run, then its answer.
type task struct {
	method, target string
	header         http.Header
	body           []byte
	refused        *refusal // found before it ran
	settled        bool     // saved as refused: the answer is there already

	status int
	answer http.Header
	result []byte
}

// submitJob answers 202 and the address of the job.
func (c *Company) submitJob(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	key := r.Header.Get(idempotencyHeader)
	if len(key) > maxIdempotencyKey {
		return longKey().write(w)
	}
	tasks, refused := c.tasksOf(w, r)
	if refused != nil {
		return refused.write(w)
	}
	now := c.cfg.Now()
	submitted := &job{
		caller: caller, key: jobKey{caller.Integration, key}, submitted: now, due: now.Add(c.choices().AsyncDelay), tasks: tasks, done: make(chan struct{}),
	}
	if first := c.jobs.add(submitted, c.choices().IdempotencyLife); first != nil {
		w.Header().Set("Location", first.address())
		w.Header().Set(preferenceApplied, respondAsync)
		return (&refusal{
			status: http.StatusBadRequest, title: "Conflict", code: "IDEMPOTENCY_ERROR", rule: ruleIdempotency,
			detail: `A request with the same idempotency key is already submitted. See the "Location" header for a link to the previously submitted job`,
		}).write(w)
	}
	c.runJobs()
	w.Header().Set(preferenceApplied, respondAsync)
	w.Header().Set("Location", submitted.address())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	return ruleAsync
}

func longKey() *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: "INVALID_HEADER", locator: []string{"o:errorHeader", idempotencyHeader},
		detail: fmt.Sprintf("Invalid header value. The header %s must be at most %d characters, such as a UUID.", idempotencyHeader, maxIdempotencyKey),
		rule:   "an idempotency key is a UUID (H/subsect_164494900632); this emulator takes up to 255 characters",
	}
}

// address is the path of a job, as Location shows it in Oracle's sample.
func (j *job) address() string { return asyncPath + strconv.FormatInt(j.id, 10) }

// tasksOf makes the tasks of a request: one, or one for each record of a batch.
func (c *Company) tasksOf(w http.ResponseWriter, r *http.Request) ([]*task, *refusal) {
	content, err := readContent(w, r)
	if err != nil {
		return nil, asRefusal(err)
	}
	header := r.Header.Clone()
	for _, name := range []string{"Prefer", "Content-Type", "Content-Length", idempotencyHeader} {
		header.Del(name)
	}
	whole := task{method: r.Method, target: r.URL.RequestURI(), header: header, body: content}
	if isBatch(r) {
		return batchTasks(whole, r)
	}
	return []*task{&whole}, nil
}

// add takes a job in, or finds the one that was submitted with the same key within its life (how long that is is a guess).
func (js *jobs) add(j *job, keyLife time.Duration) (first *job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if first := js.keys[j.key]; j.key.key != "" && first != nil && j.submitted.Before(first.submitted.Add(keyLife)) {
		return first
	}
	js.last++
	j.id = js.last
	js.byID[j.id], js.due[j.id] = j, j
	js.order = append(js.order, j)
	if j.key.key != "" {
		js.keys[j.key] = j
	}
	if len(js.order) > maxJobs {
		js.forget(js.order[0])
	}
	return nil
}

// forget drops the oldest job. The caller holds mu.
func (js *jobs) forget(oldest *job) {
	js.order = append([]*job(nil), js.order[1:]...)
	delete(js.byID, oldest.id)
	delete(js.due, oldest.id)
	if js.keys[oldest.key] == oldest {
		delete(js.keys, oldest.key)
	}
}

// take gives the jobs whose time has come, the oldest first, each to one caller.
func (js *jobs) take(now time.Time) (ready []*job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if len(js.due) == 0 {
		return nil
	}
	for _, j := range js.order {
		if js.due[j.id] != nil && !now.Before(j.due) {
			ready = append(ready, j)
			delete(js.due, j.id)
		}
	}
	return ready
}

// runJobs runs the jobs whose time has come. Every request calls it first, so that a job has happened when the
// account's clock says so.
func (c *Company) runJobs() {
	for _, j := range c.jobs.take(c.cfg.Now()) {
		for _, t := range j.tasks {
			c.runTask(t, j.caller)
		}
		close(j.done)
	}
}

// runTask answers the task's request as the record service would have at once.
func (c *Company) runTask(t *task, caller Caller) {
	if t.settled {
		return
	}
	w := &recordedAnswer{header: http.Header{}, form: c.choices().Errors}
	if t.refused != nil {
		t.refused.write(w)
	} else {
		c.serveRecord(w, t.request(), caller)
	}
	t.status, t.answer, t.result = w.status, w.header, w.body.Bytes()
	t.body, t.header = nil, nil
}

// recordedAnswer keeps an answer.
type recordedAnswer struct {
	status int
	header http.Header
	body   bytes.Buffer
	form   ErrorForm
}

func (a *recordedAnswer) Header() http.Header         { return a.header }
func (a *recordedAnswer) ErrorForm() ErrorForm        { return a.form }
func (a *recordedAnswer) WriteHeader(status int)      { a.status = status }
func (a *recordedAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

func (t *task) request() *http.Request {
	address, err := url.ParseRequestURI(t.target)
	if err != nil {
		address = &url.URL{Path: recordPath} // not reached: the target was a request's own
	}
	return &http.Request{
		Method: t.method, URL: address, Header: t.header, ContentLength: int64(len(t.body)), Body: io.NopCloser(bytes.NewReader(t.body)),
	}
}

// progress is where a job stands: waiting for half of its time, then under way. That one refused task makes the
// whole job a failed one is a guess.
func (j *job) progress(now time.Time) string {
	if !j.finished() {
		if now.Before(j.submitted.Add(j.due.Sub(j.submitted) / 2)) {
			return progressPending
		}
		return progressProcessing
	}
	for _, t := range j.tasks {
		if t.failed() {
			return progressFailed
		}
	}
	return progressSucceeded
}

func (t *task) failed() bool { return t.status >= http.StatusBadRequest }

// serveJob answers what became of a job.
func (c *Company) serveJob(w http.ResponseWriter, r *http.Request, caller Caller) (rule string) {
	if r.Method != http.MethodGet {
		return methodNotAllowed(w, http.MethodGet, ruleJob)
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, asyncPath), "/")
	j := c.jobs.find(parts[0], caller)
	if j == nil || len(parts) > 1 && parts[1] != "task" {
		return noJob(w, "The asynchronous job does not exist.")
	}
	switch len(parts) {
	case 1:
		writeJSON(w, http.StatusOK, resourceType, j.show(caller.BaseURL, c.cfg.Now()))
		return ruleJob
	case 2:
		writeJSON(w, http.StatusOK, collectionType, j.showTasks(caller.BaseURL))
		return ruleJob
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n < 1 || n > len(j.tasks) || len(parts) > 4 || len(parts) == 4 && parts[3] != "result" {
		return noJob(w, "The task does not exist.")
	}
	if len(parts) == 4 {
		return j.writeResult(w, n, c.cfg.Now())
	}
	writeJSON(w, http.StatusOK, resourceType, j.showTask(caller.BaseURL, n, c.cfg.Now()))
	return ruleJob
}

func noJob(w http.ResponseWriter, detail string) (rule string) {
	WriteError(w, http.StatusNotFound, "NONEXISTENT_ID", detail)
	return ruleJob
}

// find finds a job by its id as a URL writes it, among those of the caller's integration and user.
func (js *jobs) find(id string, caller Caller) *job {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	j := js.byID[n]
	if j == nil || j.caller.Integration != caller.Integration || j.caller.Entity != caller.Entity || j.caller.Role != caller.Role {
		return nil
	}
	return j
}

func (j *job) finished() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// show is a job in JSON (H/subsect_161278579295); the two times were seen by a client in the field.
func (j *job) show(base string, now time.Time) map[string]any {
	shown := map[string]any{
		"id": strconv.FormatInt(j.id, 10), "completed": j.finished(), "progress": j.progress(now),
		"startTime": j.submitted.UTC().Format(asyncMoment),
		"links":     []link{{"self", base + j.address()}},
		"task":      map[string]any{"links": []link{{"self", base + j.address() + "/task"}}},
	}
	if j.finished() {
		shown["endTime"] = j.due.UTC().Format(asyncMoment)
	}
	return shown
}

func (j *job) taskAddress(n int) string { return fmt.Sprintf("%s/task/%d", j.address(), n) }

func (j *job) showTasks(base string) map[string]any {
	items := make([]map[string]any, len(j.tasks))
	for i := range j.tasks {
		items[i] = map[string]any{"id": strconv.Itoa(i + 1), "links": []link{{"self", base + j.taskAddress(i+1)}}}
	}
	return map[string]any{
		"links": []link{{"self", base + j.address() + "/task"}}, "items": items, "count": len(items), "hasMore": false, "offset": 0, "totalResults": len(items),
	}
}

// showTask is a task in JSON: as a job, with its result in place of the tasks (a guess).
func (j *job) showTask(base string, n int, now time.Time) map[string]any {
	shown := j.show(base, now)
	delete(shown, "task")
	shown["id"], shown["links"] = strconv.Itoa(n), []link{{"self", base + j.taskAddress(n)}}
	shown["result"] = map[string]any{"links": []link{{"self", base + j.taskAddress(n) + "/result"}}}
	if j.finished() {
		shown["progress"] = progressSucceeded
		if j.tasks[n-1].failed() {
			shown["progress"] = progressFailed
		}
	}
	return shown
}

// writeResult answers what the request would have been answered at once. That there is no result before the end
// is a guess.
func (j *job) writeResult(w http.ResponseWriter, n int, now time.Time) (rule string) {
	if !j.finished() {
		return noJob(w, "The task has no result yet: its job is "+j.progress(now)+".")
	}
	t := j.tasks[n-1]
	for name, values := range t.answer {
		w.Header()[name] = values
	}
	w.WriteHeader(t.status)
	// The caller may have hung up; there is nobody left to tell.
	_, _ = w.Write(t.result)
	return "the result of a task is the answer that the request would have had at once (H/chapter_161251386312)"
}
