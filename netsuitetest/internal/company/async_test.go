package company

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// submitted sends a request asynchronously and gives the path of its job.
func submitted(tb testing.TB, c *Company, who Caller, method, target, body string, header ...string) string {
	tb.Helper()
	a := send(tb, c, who, method, target, body, append([]string{"Prefer", "respond-async"}, header...)...)
	location := a.header.Get("Location")
	if a.status != http.StatusAccepted || a.header.Get(preferenceApplied) != "respond-async" || !strings.HasPrefix(location, asyncPath) || a.body != "" {
		tb.Fatalf("%s %s: %d %v %s", method, target, a.status, a.header, a.body)
	}
	return location
}

// ticking is a company whose clock the test moves.
func ticking(tb testing.TB, change ...func(*Config)) (c *Company, advance func(time.Duration)) {
	tb.Helper()
	var mu sync.Mutex
	now := testTime
	c = open(tb, append(change, func(cfg *Config) {
		cfg.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})...)
	return c, func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
}

func TestJobAtOnce(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	job := submitted(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"Later Ltd"}`)
	v := send(t, c, who, http.MethodGet, job, "").decode(t)
	id := strings.TrimPrefix(job, asyncPath)
	if v["id"] != id || v["completed"] != true || v["progress"] != "succeeded" || href(v, "self") != testBase+job || v["endTime"] == nil {
		t.Errorf("job %v", v)
	}
	if task := v["task"].(map[string]any); href(task, "self") != testBase+job+"/task" {
		t.Errorf("tasks at %v", task)
	}
	tasks := send(t, c, who, http.MethodGet, job+"/task", "").decode(t)
	items := tasks["items"].([]any)
	if len(items) != 1 || href(items[0].(map[string]any), "self") != testBase+job+"/task/1" {
		t.Errorf("tasks %v", tasks)
	}
	task := send(t, c, who, http.MethodGet, job+"/task/1", "").decode(t)
	if task["completed"] != true || task["progress"] != "succeeded" || href(task["result"].(map[string]any), "self") != testBase+job+"/task/1/result" {
		t.Errorf("task %v", task)
	}
	result := send(t, c, who, http.MethodGet, job+"/task/1/result", "")
	location := result.header.Get("Location")
	if result.status != http.StatusNoContent || !strings.HasPrefix(location, testBase+recordURL+"customer/") || result.body != "" {
		t.Errorf("result %d %v %s", result.status, result.header, result.body)
	}
	rows := rowsOf(t, c, "SELECT id FROM customer WHERE companyname = 'Later Ltd'")
	if len(rows) != 1 || !strings.HasSuffix(location, fmt.Sprint("/", rows[0]["id"])) {
		t.Errorf("SuiteQL sees %v, the result leads to %s", rows, location)
	}
}

// TestResultIsTheSynchronousAnswer compares each answer with that of the same request without Prefer.
func TestResultIsTheSynchronousAnswer(t *testing.T) {
	t.Parallel()
	c := open(t)
	for _, tt := range []struct{ method, target, body string }{
		{"GET", recordURL + "customer/1002?fields=email", ""},
		{"GET", recordURL + "customer/eid:crm-2", ""},
		{"GET", recordURL + "customer?q=id+LESS+1005&limit=2", ""},
		{"GET", recordURL + "salesOrder/10001/item", ""},
		{"GET", recordURL + "metadata-catalog/customer", ""},
		{"PATCH", recordURL + "customer/1001", `{"email":"a@b.example"}`},
		{"PATCH", recordURL + "customer/1001", `{"email":5}`},
		{"POST", recordURL + "customer", `{}`},
		{"DELETE", recordURL + "customer/999999", ""},
		{"PUT", recordURL + "customer/1001", `{}`},
		{"GET", recordURL + "unicorn/1", ""},
		{"GET", recordURL + "vendor/501", ""},
	} {
		who := caller(6)
		job := submitted(t, c, who, tt.method, tt.target, tt.body)
		late := send(t, c, who, http.MethodGet, job+"/task/1/result", "")
		now := send(t, c, who, tt.method, tt.target, tt.body)
		if late.status != now.status || late.body != now.body || fmt.Sprint(late.header) != fmt.Sprint(now.header) {
			t.Errorf("%s %s:\nlater   %d %v %s\nat once %d %v %s", tt.method, tt.target, late.status, late.header, late.body, now.status, now.header, now.body)
		}
		want := "succeeded"
		if now.status >= 400 {
			want = "failed"
		}
		if v := send(t, c, who, http.MethodGet, job, "").decode(t); v["progress"] != want || v["completed"] != true {
			t.Errorf("%s %s: progress %v", tt.method, tt.target, v["progress"])
		}
	}
}

func TestJobTakesItsTime(t *testing.T) {
	t.Parallel()
	c, advance := ticking(t, choosing(Choices{AsyncDelay: time.Minute}))
	who := caller(RoleAdministrator)
	job := submitted(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"Later Ltd"}`)
	look := func(want string, completed bool) {
		t.Helper()
		v := send(t, c, who, http.MethodGet, job, "").decode(t)
		task := send(t, c, who, http.MethodGet, job+"/task/1", "").decode(t)
		if v["progress"] != want || v["completed"] != completed || task["progress"] != want {
			t.Errorf("job %v, task %v, want %s", v, task, want)
		}
	}
	const count = "SELECT COUNT(*) n FROM customer WHERE companyname = 'Later Ltd'"
	look("pending", false)
	result := send(t, c, who, http.MethodGet, job+"/task/1/result", "")
	if code, _, _ := result.problem(t); result.status != http.StatusNotFound || code != "NONEXISTENT_ID" {
		t.Errorf("result before the end: %d %s", result.status, result.body)
	}
	advance(30 * time.Second)
	look("processing", false)
	if n := rowsOf(t, c, count)[0]["n"]; n != "0" {
		t.Errorf("%v rows before the end", n)
	}
	advance(30 * time.Second)
	// Whoever looks: the request has happened.
	if n := rowsOf(t, c, count)[0]["n"]; n != "1" {
		t.Errorf("%v rows at the end", n)
	}
	look("succeeded", true)
}

const testKey = "cac827ea-3543-4cda-add2-bae634326c27"

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	c, advance := ticking(t, choosing(Choices{AsyncDelay: time.Minute}))
	who := caller(RoleAdministrator)
	who.Integration = "one"
	const body = `{"companyName":"Once Ltd"}`
	rows := func() any {
		return rowsOf(t, c, "SELECT COUNT(*) n FROM customer WHERE companyname = 'Once Ltd'")[0]["n"]
	}
	first := submitted(t, c, who, http.MethodPost, recordURL+"customer", body, idempotencyHeader, testKey)
	again := func() answer {
		return send(t, c, who, http.MethodPost, recordURL+"customer", body, "Prefer", "respond-async", idempotencyHeader, testKey)
	}
	for _, wait := range []time.Duration{0, time.Minute, 23 * time.Hour} {
		advance(wait)
		a := again()
		var p problem
		if err := json.Unmarshal([]byte(a.body), &p); err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusBadRequest || p.Title != "Conflict" || p.Status != 400 || p.Details[0]["o:errorCode"] != "IDEMPOTENCY_ERROR" ||
			a.header.Get("Location") != first || a.header.Get(preferenceApplied) != "respond-async" || !strings.Contains(a.rule, "H/subsect_164494900632") {
			t.Errorf("after %s: %d %v %s", wait, a.status, a.header, a.body)
		}
	}
	if n := rows(); n != "1" {
		t.Errorf("%v rows", n)
	}
	other := who
	other.Integration = "two"
	if job := submitted(t, c, other, http.MethodPost, recordURL+"customer", body, idempotencyHeader, testKey); job == first {
		t.Error("another integration got the same job")
	}
	advance(time.Hour)
	if a := again(); a.status != http.StatusAccepted || a.header.Get("Location") == first {
		t.Errorf("after a day: %d %s", a.status, a.header.Get("Location"))
	}
	advance(time.Hour)
	if n := rows(); n != "3" {
		t.Errorf("%v rows, want one for each job", n)
	}
	// A synchronous request does not look at the key.
	for range 2 {
		if a := send(t, c, who, http.MethodPatch, recordURL+"customer/1001", `{"email":"x@y.example"}`, idempotencyHeader, testKey); a.status != http.StatusNoContent {
			t.Errorf("synchronous: %d %s", a.status, a.body)
		}
	}
	long := send(t, c, who, http.MethodPost, recordURL+"customer", body, "Prefer", "respond-async", idempotencyHeader, strings.Repeat("k", maxIdempotencyKey+1))
	if code, _, locator := long.problem(t); code != "INVALID_HEADER" || locator["o:errorHeader"] != idempotencyHeader {
		t.Errorf("long key: %s", long.body)
	}
}

func TestJobRefusals(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	who.Integration = "one"
	job := submitted(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"X"}`)
	foreign, weaker, machine := who, who, who
	foreign.Integration, weaker.Role, machine.Entity = "two", 6, 12
	for name, tt := range map[string]struct {
		who            Caller
		method, target string
		status         int
		code           string
	}{
		"unknown job":         {who, "GET", asyncPath + "999", 404, "NONEXISTENT_ID"},
		"no job":              {who, "GET", asyncPath, 404, "NONEXISTENT_ID"},
		"job in words":        {who, "GET", asyncPath + "first", 404, "NONEXISTENT_ID"},
		"huge id":             {who, "GET", asyncPath + strings.Repeat("9", 300), 404, "NONEXISTENT_ID"},
		"no such part":        {who, "GET", job + "/result", 404, "NONEXISTENT_ID"},
		"trailing slash":      {who, "GET", job + "/task/", 404, "NONEXISTENT_ID"},
		"unknown task":        {who, "GET", job + "/task/2", 404, "NONEXISTENT_ID"},
		"task zero":           {who, "GET", job + "/task/0/result", 404, "NONEXISTENT_ID"},
		"too deep":            {who, "GET", job + "/task/1/result/1", 404, "NONEXISTENT_ID"},
		"no result":           {who, "GET", job + "/task/1/output", 404, "NONEXISTENT_ID"},
		"cancelled":           {who, "DELETE", job, 405, "METHOD_NOT_ALLOWED"},
		"another integration": {foreign, "GET", job, 404, "NONEXISTENT_ID"},
		"another role":        {weaker, "GET", job + "/task/1/result", 404, "NONEXISTENT_ID"},
		"another user":        {machine, "GET", job, 404, "NONEXISTENT_ID"},
		"role without REST":   {caller(1002), "GET", job, 400, "USER_ERROR"},
	} {
		a := send(t, c, tt.who, tt.method, tt.target, "")
		if code, _, _ := a.problem(t); a.status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestJobsAreBounded(t *testing.T) {
	t.Parallel()
	js := newJobs()
	first := &job{key: jobKey{"one", "k"}}
	js.add(first, time.Hour)
	for range maxJobs {
		js.add(&job{}, time.Hour)
	}
	if len(js.byID) != maxJobs || len(js.order) != maxJobs || js.byID[first.id] != nil || len(js.keys) != 0 {
		t.Errorf("%d jobs, %d keys", len(js.byID), len(js.keys))
	}
}

func TestJobsFromManySides(t *testing.T) {
	t.Parallel()
	c := open(t)
	who := caller(RoleAdministrator)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				send(t, c, who, http.MethodPost, recordURL+"customer", `{"companyName":"Same","externalId":"same"}`, "Prefer", "respond-async", idempotencyHeader, testKey)
			}
		})
	}
	wg.Wait()
	if n := rowsOf(t, c, "SELECT COUNT(*) n FROM customer WHERE companyname = 'Same'")[0]["n"]; n != "1" {
		t.Errorf("%v rows", n)
	}
}
