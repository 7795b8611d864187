package netsuite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const testKey = "cac827ea-3543-4cda-add2-bae634326c27"

// jobQueue answers as the async service does: the first request with a key starts job 123456, and each more is refused with
// that job's address (H/subsect_164494900632).
func jobQueue(location string) http.HandlerFunc {
	var known sync.Map
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-NetSuite-idempotency-key")
		w.Header().Set("Preference-Applied", "respond-async")
		w.Header().Set("Location", strings.ReplaceAll(location, "HOST", "http://"+r.Host))
		if _, repeated := known.LoadOrStore(key, true); !repeated {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"title":"Conflict","status":400,"o:errorDetails":[{"detail":"A request with the same idempotency key is already submitted.","o:errorCode":"IDEMPOTENCY_ERROR"}]}`)
	}
}

func TestStartAsync(t *testing.T) {
	for _, location := range []string{"/services/rest/async/v1/job/123456", "HOST/services/rest/async/v1/job/123456", "HOST/services/rest/async/v1/job/123456/"} {
		site := startSite(t, jobQueue(location))
		for range 3 {
			job, err := testAPI(site.Site).StartAsync(t.Context(), "POST", "/services/rest/record/v1/customer?x=1", map[string]string{"companyName": "Acme"}, testKey)
			if err != nil || *job != (Job{ID: "123456", Key: testKey, State: JobPending}) {
				t.Fatalf("Location %s: job = %+v, %v", location, job, err)
			}
		}
		for _, r := range site.requests() {
			if r.Method != "POST" || r.Path != "/services/rest/record/v1/customer" || r.Query != "x=1" || r.Header.Get("Prefer") != "respond-async" ||
				r.Header.Get("X-NetSuite-idempotency-key") != testKey || r.Body != `{"companyName":"Acme"}` {
				t.Errorf("request = %+v", r)
			}
		}
	}
	site := startSite(t, jobQueue("/services/rest/async/v1/job/1"))
	if _, err := testAPI(site.Site).StartAsync(t.Context(), "POST", suiteQLPath, map[string]string{"q": "SELECT 1 FROM dual"}, ""); err != nil {
		t.Error(err)
	}
	if got := site.only(t).Header.Get("Prefer"); got != "transient, respond-async" {
		t.Errorf("SuiteQL has Prefer %q, want both preferences", got)
	}
}

func TestStartAsyncMakesKeysThatCanBeUsedAgain(t *testing.T) {
	lost := startSite(t, cutConnection)
	keys := map[string]bool{}
	for range 100 {
		job, err := testAPI(lost.Site).StartAsync(t.Context(), "DELETE", "/services/rest/record/v1/customer/7", nil, "")
		if !errors.Is(err, ErrResponseLost) || job == nil || !uuidForm.MatchString(job.Key) || job.ID != "" || job.Key[14] != '4' {
			t.Fatalf("job = %+v, %v; want the key beside ErrResponseLost", job, err)
		}
		keys[job.Key] = true
	}
	if len(keys) != 100 {
		t.Errorf("100 jobs have %d keys", len(keys))
	}
	for _, r := range lost.requests() {
		if !keys[r.Header.Get("X-NetSuite-idempotency-key")] {
			t.Errorf("key %q was sent and not returned", r.Header.Get("X-NetSuite-idempotency-key"))
		}
	}
}

func TestStartAsyncWithoutAJob(t *testing.T) {
	for _, location := range append(badLocations, "/services/rest/async/v1/job/", "/services/rest/async/v1/job/1/task/1", "/services/rest/async/v1/job/a%20b", "https://evil.example/services/rest/async/v1/job/1") {
		if location == "/services/rest/async/v1/job/7" {
			continue
		}
		site := startSite(t, jobQueue(location))
		for _, want := range []error{ErrUnreadable, nil} { // the second is the refusal of the key as it came
			job, err := testAPI(site.Site).StartAsync(t.Context(), "POST", "/services/rest/record/v1/customer", struct{}{}, testKey)
			if err == nil || !errors.Is(err, want) && want != nil || job == nil || *job != (Job{Key: testKey}) {
				t.Errorf("Location %.60q: job = %+v, %v; want %v", location, job, err, want)
			}
		}
	}
	other := startSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/services/rest/async/v1/job/9")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"o:errorDetails":[{"o:errorCode":"INVALID_CONTENT","detail":"bad"}]}`)
	})
	if job, err := testAPI(other.Site).StartAsync(t.Context(), "POST", "/services/rest/record/v1/customer", struct{}{}, testKey); err == nil || job.ID != "" {
		t.Errorf("another refusal with a Location gave %+v, %v", job, err)
	}
}

func TestStartAsyncRefuses(t *testing.T) {
	site := startSite(t, jobQueue("/services/rest/async/v1/job/1"))
	api := testAPI(site.Site)
	for _, key := range []string{"x", "cac827ea35434cdaadd2bae634326c27", testKey + "\r\nX: y", testKey + "0", " " + testKey} {
		if job, err := api.StartAsync(t.Context(), "POST", "/services/rest/record/v1/customer", struct{}{}, key); err == nil {
			t.Errorf("key %q gave %+v", key, job)
		}
	}
	for _, path := range []string{"", "/services/rest/auth/oauth2/v1/token", "/services/rest/record/../auth/x", "https://evil.example/"} {
		if job, err := api.StartAsync(t.Context(), "POST", path, struct{}{}, ""); err == nil {
			t.Errorf("path %q gave %+v", path, job)
		}
	}
	if job, err := api.StartAsync(t.Context(), "TRACE", "/services/rest/record/v1/customer", nil, ""); err == nil {
		t.Errorf("TRACE gave %+v", job)
	}
	for _, id := range []string{"", "..", "1/task/1", "a b", "1?x", strings.Repeat("1", 101)} {
		if job, err := api.Job(t.Context(), id); err == nil {
			t.Errorf("Job(%q) = %+v", id, job)
		}
		if job, err := api.WaitJob(t.Context(), id); err == nil {
			t.Errorf("WaitJob(%q) = %+v", id, job)
		}
		if outcomes, err := api.JobOutcomes(t.Context(), id); err == nil {
			t.Errorf("JobOutcomes(%q) = %+v", id, outcomes)
		}
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestJob(t *testing.T) {
	for body, want := range map[string]Job{
		`{"completed":false,"id":"1","progress":"pending","links":[{"rel":"self","href":"x"}],"task":{"links":[]}}`: {ID: "7", State: JobPending},
		`{"completed":"T","id":1,"progress":"succeeded"}`:                                                           {ID: "7", State: JobSucceeded, Completed: true},
		`{"progress":"failed"}`:        {ID: "7", State: JobFailed, Completed: true},
		`{"completed":true}`:           {ID: "7", Completed: true},
		`{"progress":"something new"}`: {ID: "7", State: "something new"},
	} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).Job(t.Context(), "7"); err != nil || *got != want {
			t.Errorf("%s reads as %+v, %v; want %+v", body, got, err, want)
		}
		if r := site.only(t); r.Method != "GET" || r.Path != "/services/rest/async/v1/job/7" || r.Header.Get("Prefer") != "" {
			t.Errorf("request = %+v", r)
		}
	}
	for _, body := range []string{"", "{}", "[]", `{"progress":5}`, `{"completed":false}`, `{"completed":"perhaps"}`, "<html>"} {
		site := startSite(t, reply(http.StatusOK, body))
		if got, err := testAPI(site.Site).Job(t.Context(), "7"); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s reads as %+v, %v; want ErrUnreadable", body, got, err)
		}
	}
}

// answering is an API whose calls are answered in memory, for synctest's clock.
func answering(answer func(call int) (status int, header, body string)) (*API, *scripted) {
	door := &scripted{answer: func(call int, r *http.Request) (*http.Response, error) {
		status, header, body := answer(call)
		resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
		if name, value, ok := strings.Cut(header, ": "); ok {
			resp.Header.Set(name, value)
		}
		return resp, nil
	}}
	api := testAPI(Site{})
	api.HTTPClient = func(AccountID) *http.Client { return &http.Client{Transport: door, Timeout: time.Minute} }
	return api, door
}

func TestWaitJobPausesLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		api, _ := answering(func(call int) (int, string, string) {
			at = append(at, time.Since(start))
			switch {
			case call == 2:
				return 429, "Retry-After: 60", ""
			case call < 15:
				return 200, "", `{"progress":"processing"}`
			}
			return 200, "", `{"progress":"succeeded","completed":true}`
		})
		job, err := api.WaitJob(t.Context(), "7")
		if err != nil || *job != (Job{ID: "7", State: JobSucceeded, Completed: true}) {
			t.Fatalf("job = %+v, %v", job, err)
		}
		for i := 2; i < len(at)-1; i++ {
			before, after := at[i]-at[i-1], at[i+1]-at[i]
			if before != time.Minute && (after < before || after > longestLookPause) {
				t.Errorf("pause %d is %s after %s", i, after, before)
			}
		}
		if at[0] != 0 || at[1] != firstLookPause || at[2]-at[1] != time.Minute || at[len(at)-1]-at[len(at)-2] != longestLookPause {
			t.Errorf("looks at %v", at)
		}
	})
}

func TestWaitJobEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, _ := answering(func(int) (int, string, string) { return 200, "", `{"progress":"pending"}` })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		job, err := api.WaitJob(ctx, "7")
		if job != nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "goes on in NetSuite") {
			t.Errorf("WaitJob = %+v, %v; want the end of the context", job, err)
		}
	})
}

func TestWaitJobGivesUp(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(call int) (int, string, string)
		calls  int
		want   error
	}{
		"not found":     {func(int) (int, string, string) { return 404, "", "" }, 1, ErrNotFound},
		"login":         {func(int) (int, string, string) { return 401, "", "" }, 1, ErrLogin},
		"down for good": {func(int) (int, string, string) { return 503, "", "" }, 1 + maxFailedLooks, ErrUnavailable},
		"down now and then": {func(call int) (int, string, string) {
			switch {
			case call == 20:
				return 200, "", `{"progress":"failed"}`
			case call%3 == 0:
				return 200, "", `{"progress":"pending"}`
			}
			return 500, "", ""
		}, 20, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			api, door := answering(tt.answer)
			if _, err := api.WaitJob(t.Context(), "7"); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("%s: err = %v, want %v", name, err, tt.want)
			}
			if door.count() != tt.calls {
				t.Errorf("%s: looked %d times, want %d", name, door.count(), tt.calls)
			}
		})
	}
}

// finishedJob answers for a completed job 7: its task list, and the results by task.
func finishedJob(tasks string, results map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch path := strings.TrimPrefix(r.URL.Path, "/services/rest/async/v1/job/7"); path {
		case "":
			_, _ = io.WriteString(w, `{"id":"7","completed":true,"progress":"succeeded"}`)
		case "/task":
			_, _ = io.WriteString(w, tasks)
		default:
			if answer, ok := results[path]; ok {
				answer(w, r)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		}
	}
}

const invalidContent = `{"title":"Bad Request","status":400,"o:errorDetails":[{"detail":"bad value","o:errorCode":"INVALID_CONTENT","o:errorPath":"email"}]}`

func TestJobOutcomes(t *testing.T) {
	links := func(ids ...int) string {
		var items []string
		for _, id := range ids {
			items = append(items, fmt.Sprintf(`{"links":[{"rel":"self","href":"https://demo123.suitetalk.api.netsuite.com/services/rest/async/v1/job/7/task/%d"}]}`, id))
		}
		return `{"links":[],"count":` + strconv.Itoa(len(ids)) + `,"hasMore":false,"items":[` + strings.Join(items, ",") + `]}`
	}
	site := startSite(t, finishedJob(links(10, 2, 1, 3, 4), map[string]http.HandlerFunc{
		"/task/1/result":  located("HOST/services/rest/record/v1/customer/647"),
		"/task/2/result":  reply(400, invalidContent),
		"/task/3/result":  reply(200, invalidContent),
		"/task/4/result":  reply(200, `{"links":[],"id":"12","companyName":"Acme"}`),
		"/task/10/result": reply(204, ""),
	}))
	got, err := testAPI(site.Site).JobOutcomes(t.Context(), "7")
	if err != nil || len(got) != 5 {
		t.Fatalf("outcomes = %+v, %v", got, err)
	}
	want := []Outcome{{Task: "1", ID: "647"}, {Task: "2"}, {Task: "3"}, {Task: "4", ID: "12", Body: json.RawMessage(`{"links":[],"id":"12","companyName":"Acme"}`)}, {Task: "10"}}
	for i, o := range got {
		refusal := o.Err
		o.Err = nil
		if !reflect.DeepEqual(o, want[i]) || (refusal != nil) != (i == 1 || i == 2) {
			t.Errorf("outcome %d = %+v, %v; want %+v", i, o, refusal, want[i])
		}
		if refusal != nil {
			if e := requireError(t, refusal, "asynchronous task", 400, "INVALID_CONTENT", nil); e.Locator != "body email" {
				t.Errorf("outcome %d: locator = %q", i, e.Locator)
			}
		}
	}
	byID := startSite(t, finishedJob(`{"items":[{"id":2},{"id":"1"}]}`, map[string]http.HandlerFunc{"/task/1/result": reply(204, "")}))
	got, err = testAPI(byID.Site).JobOutcomes(t.Context(), "7")
	if err != nil || len(got) != 2 || got[0].Err != nil || !errors.Is(got[1].Err, ErrNotFound) {
		t.Errorf("outcomes = %+v, %v; want one success and one not found", got, err)
	}
}

func TestJobOutcomesCannotBeAsked(t *testing.T) {
	one := `{"items":[{"id":"1"}]}`
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"not completed":  {reply(200, `{"progress":"processing"}`), nil},
		"no job":         {reply(404, ""), ErrNotFound},
		"no list":        {finishedJob(`{}`, nil), ErrUnreadable},
		"task without":   {finishedJob(`{"items":[{"links":[]}]}`, nil), ErrUnreadable},
		"task elsewhere": {finishedJob(`{"items":[{"id":"../../x"}]}`, nil), ErrUnreadable},
		"second page":    {finishedJob(`{"items":[{"id":"1"}],"hasMore":true}`, nil), ErrUnreadable},
		"result lost":    {finishedJob(one, map[string]http.HandlerFunc{"/task/1/result": cutConnection}), ErrResponseLost},
		"busy":           {finishedJob(one, map[string]http.HandlerFunc{"/task/1/result": reply(429, "")}), ErrTooManyRequests},
		"token expired":  {finishedJob(one, map[string]http.HandlerFunc{"/task/1/result": reply(401, "")}), ErrLogin},
	} {
		site := startSite(t, tt.handler)
		got, err := testAPI(site.Site).JobOutcomes(t.Context(), "7")
		if err == nil || got != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: outcomes = %+v, %v; want %v", name, got, err, tt.want)
		}
	}
}

func FuzzJob(f *testing.F) {
	f.Add(`{"id":"1","progress":"pending","completed":false}`)
	f.Add(`{"items":[{"id":1},{"links":[{"rel":"self","href":"/job/7/task/2"}]}],"hasMore":false}`)
	f.Fuzz(func(t *testing.T, body string) {
		if p, err := readProgress([]byte(body)); err == nil && p.State == "" && !p.completed() {
			t.Errorf("%q reads as %+v", body, p)
		}
		tasks, err := readTasks([]byte(body))
		if err != nil && tasks != nil {
			t.Errorf("%q reads as %v, %v", body, tasks, err)
		}
		for _, task := range tasks {
			if !jobIDForm.MatchString(task) {
				t.Errorf("%q gives task %q", body, task)
			}
		}
	})
}

func TestBatch(t *testing.T) {
	site := startSite(t, jobQueue("/services/rest/async/v1/job/123456"))
	api := testAPI(site.Site)
	for i, tt := range []struct {
		method, query, body string
		call                func() (*Job, error)
	}{
		{"POST", "", `{"items":[{"companyName":"A"},{"companyName":"B"}]}`, func() (*Job, error) {
			return api.CreateRecords(t.Context(), "customer", []any{map[string]string{"companyName": "A"}, json.RawMessage(`{"companyName":"B"}`)}, "")
		}},
		{"PATCH", "", `{"items":[{"id":"7","memo":"x"},{"externalId":"E","memo":"y"}]}`, func() (*Job, error) {
			return api.UpdateRecords(t.Context(), "customer", []any{json.RawMessage(`{"id":"7","memo":"x"}`), json.RawMessage(`{"externalId":"E","memo":"y"}`)}, "")
		}},
		{"PUT", "", `{"items":[{"externalId":"E","memo":"y"}]}`, func() (*Job, error) {
			return api.UpsertRecords(t.Context(), "customer", []any{map[string]string{"externalId": "E", "memo": "y"}}, "")
		}},
		{"DELETE", "ids=7%2C-5", "", func() (*Job, error) { return api.DeleteRecords(t.Context(), "customer", []string{"7", "-5"}, "") }},
	} {
		job, err := tt.call()
		if err != nil || job.ID != "123456" || !uuidForm.MatchString(job.Key) {
			t.Fatalf("%s: job = %+v, %v", tt.method, job, err)
		}
		wantType := collectionType
		if tt.method == "DELETE" {
			wantType = ""
		}
		r := site.requests()[i]
		if r.Method != tt.method || r.Path != "/services/rest/record/v1/customer" || r.Query != tt.query || r.Body != tt.body || r.Header.Get("Prefer") != "respond-async" ||
			r.Header.Get("Content-Type") != wantType || r.Header.Get("X-NetSuite-idempotency-key") != job.Key {
			t.Errorf("request = %+v", r)
		}
	}
}

func TestBatchLimits(t *testing.T) {
	site := startSite(t, jobQueue("/services/rest/async/v1/job/1"))
	api := testAPI(site.Site)
	for n, ok := range map[int]bool{0: false, 1: true, 100: true, 101: false} {
		var records []any
		var ids []string
		for i := range n {
			records = append(records, map[string]string{"externalId": fmt.Sprint(i)})
			ids = append(ids, fmt.Sprint(i))
		}
		for name, call := range map[string]func() (*Job, error){
			"create": func() (*Job, error) { return api.CreateRecords(t.Context(), "customer", records, "") },
			"update": func() (*Job, error) { return api.UpdateRecords(t.Context(), "customer", records, "") },
			"upsert": func() (*Job, error) { return api.UpsertRecords(t.Context(), "customer", records, "") },
			"delete": func() (*Job, error) { return api.DeleteRecords(t.Context(), "customer", ids, "") },
		} {
			job, err := call()
			if (err == nil) != ok || !ok && (job != nil || !strings.Contains(err.Error(), "100")) {
				t.Errorf("%s of %d: job = %+v, %v", name, n, job, err)
			}
		}
	}
	if got := site.requests(); len(got) != 8 {
		t.Errorf("server got %d requests, want those of 1 and 100", len(got))
	}
}

func TestBatchRefuses(t *testing.T) {
	site := startSite(t, jobQueue("/services/rest/async/v1/job/1"))
	api := testAPI(site.Site)
	good := map[string]string{"id": "1", "externalId": "E"}
	for name, call := range map[string]func() (*Job, error){
		"update without name": func() (*Job, error) {
			return api.UpdateRecords(t.Context(), "customer", []any{good, map[string]string{"memo": "x"}}, "")
		},
		"update of null": func() (*Job, error) {
			return api.UpdateRecords(t.Context(), "customer", []any{good, json.RawMessage(`{"id":null}`)}, "")
		},
		"upsert by ID": func() (*Job, error) {
			return api.UpsertRecords(t.Context(), "customer", []any{good, map[string]string{"id": "1"}}, "")
		},
		"array":                func() (*Job, error) { return api.CreateRecords(t.Context(), "customer", []any{good, []int{1}}, "") },
		"nil":                  func() (*Job, error) { return api.CreateRecords(t.Context(), "customer", []any{good, nil}, "") },
		"cannot be written":    func() (*Job, error) { return api.CreateRecords(t.Context(), "customer", []any{good, talkative{}}, "") },
		"deletion of external": func() (*Job, error) { return api.DeleteRecords(t.Context(), "customer", []string{"1", "eid:E"}, "") },
		"deletion of two":      func() (*Job, error) { return api.DeleteRecords(t.Context(), "customer", []string{"1", "2,3"}, "") },
	} {
		if job, err := call(); err == nil || !strings.Contains(err.Error(), "2 of 2") || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: job = %+v, %v; want an error that names the second", name, job, err)
		}
	}
	if job, err := api.CreateRecords(t.Context(), "customer/7", []any{good}, ""); err == nil {
		t.Errorf("a foreign type gave %+v", job)
	}
	if job, err := api.CreateRecords(t.Context(), "customer", []any{good}, "no-uuid"); err == nil {
		t.Errorf("a key without form gave %+v", job)
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %+v, want nothing", got)
	}
}

func TestUploadLimit(t *testing.T) {
	site := startSite(t, reply(http.StatusNoContent, ""))
	huge := json.RawMessage(bytes.Repeat([]byte("1"), maxUpload))
	_, err := testAPI(site.Site).CreateRecord(t.Context(), "customer", map[string]json.RawMessage{"n": huge})
	if err == nil || !strings.Contains(err.Error(), "104 MB") {
		t.Errorf("err = %.200v, want one that names the limit", err)
	}
	if got := site.requests(); len(got) != 0 {
		t.Errorf("server got %d requests, want none", len(got))
	}
}
