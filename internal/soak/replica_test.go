package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// replica is a server in a process of its own, which may be killed at any moment and started again.
type replica struct {
	name string
	log  string // path of the file that its standard error goes to

	mu      sync.Mutex // one order at a time
	process *process   // nil: not running
}

type process struct {
	cmd     *exec.Cmd
	addr    string
	orders  *json.Encoder
	answers *json.Decoder
	input   io.Closer
	ended   chan struct{} // closed when err is set
	err     error         // how it ended
}

// errKilled is the death that was planned.
var errKilled = errors.New("killed")

// start runs the server at a time of the day.
func (r *replica) start(s setting, now time.Time) error {
	p, err := r.spawn(s)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.process = p
	r.mu.Unlock()
	a, err := r.order(order{Now: now})
	if err != nil {
		return fmt.Errorf("%s does not start: %w", r.name, err)
	}
	p.addr = a.Addr
	return nil
}

func (r *replica) spawn(s setting) (*process, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(r.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	output, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asReplica+"="+string(text))
	cmd.Stdout, cmd.Stderr = theirs, log
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, output.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, output.Close())
	}
	p := &process{cmd: cmd, orders: json.NewEncoder(input), answers: json.NewDecoder(output), input: input, ended: make(chan struct{})}
	go func() {
		p.err = howItEnded(cmd.Wait())
		_ = output.Close()
		close(p.ended)
	}()
	return p, nil
}

func howItEnded(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return errKilled
		}
	}
	return err
}

// running is the process, nil when it has been killed.
func (r *replica) running() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process
}

// order gives an order and waits for the answer. It is errKilled when the process was killed meanwhile.
func (r *replica) order(o order) (a answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.process
	if p == nil {
		return a, errKilled
	}
	if err = p.orders.Encode(o); err == nil {
		if err = p.answers.Decode(&a); err == nil {
			return a, nil
		}
	}
	return a, r.bury(p, err)
}

// deathWithin is how long it may take from a broken connection to the end of the process, and is far more than it does.
const deathWithin = 10 * time.Second

// bury waits for the end of a process that broke a connection, and tells whether that was its planned death. It needs mu.
func (r *replica) bury(p *process, broken error) error {
	select {
	case <-p.ended:
	case <-time.After(deathWithin):
		return fmt.Errorf("%s broke a connection and lives on: %w", r.name, broken)
	}
	if r.process == p {
		r.process = nil
	}
	if !errors.Is(p.err, errKilled) {
		return fmt.Errorf("%s ended by itself: %w", r.name, errors.Join(p.err, broken))
	}
	return errKilled
}

// lost is called when a request to the process failed in transit.
func (r *replica) lost(p *process, broken error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bury(p, broken)
}

// stop ends the process as an operator would, and waits for it.
func (r *replica) stop() error {
	p := r.running()
	if p == nil {
		return nil
	}
	_ = p.input.Close() // its input ends, and so does it
	<-p.ended
	if p.err != nil && !errors.Is(p.err, errKilled) {
		return fmt.Errorf("%s did not end well: %w", r.name, p.err)
	}
	return nil
}
