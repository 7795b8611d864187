package pgtest

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// superuser of the throw-away cluster.
const superuser = "suitekey"

// The script makes the cluster, tells us, waits until its standard input ends, and removes the cluster.
//
//go:embed cluster.sh
var script string

// cluster is a throw-away PostgreSQL. Its folder holds the data, the log and the socket.
type cluster struct {
	programs string // folder of the programs
	folder   string
	owner    *syscall.Credential // who runs it; nil for us
	// lifeline is the script's standard input: it ends with this process, and the cluster with it.
	lifeline io.Closer
	script   *exec.Cmd
}

// startCluster makes a cluster and starts its server. One with a primary is its standby.
func startCluster(primary *cluster) (*cluster, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pgtest-") // short: the path of a socket may have 107 bytes
	if err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(folder, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
	}
	c := &cluster{programs: programs, folder: folder, owner: owner}
	from := ""
	if primary != nil {
		from = primary.folder
	}
	return c, c.runScript(from)
}

// address of a database on the cluster.
func (c *cluster) address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: url.Values{"host": {c.folder}}.Encode()}
	return u.String()
}

// end stops the server and removes the folder.
func (c *cluster) end() error {
	return errors.Join(c.lifeline.Close(), c.script.Wait())
}

// runScript returns when the server answers.
func (c *cluster) runScript(primary string) error {
	input, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	output, report, err := os.Pipe()
	if err != nil {
		return errors.Join(err, input.Close(), hold.Close())
	}
	defer output.Close()

	cmd := exec.Command("/bin/sh", "-c", script, "pgtest", c.programs, c.folder, superuser, primary)
	cmd.Dir, cmd.Stdin, cmd.Stdout = c.folder, input, report
	// A group of its own: an interrupt from the terminal must not reach the server before the tests have ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	err = cmd.Start()
	if err := errors.Join(err, input.Close(), report.Close()); err != nil {
		return errors.Join(err, hold.Close(), os.RemoveAll(c.folder))
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if line == "ready\n" {
		c.lifeline, c.script = hold, cmd
		return nil
	}
	logged, _ := os.ReadFile(filepath.Join(c.folder, "log"))
	return errors.Join(fmt.Errorf("the server did not start: %s", logged), err, hold.Close(), cmd.Wait(), os.RemoveAll(c.folder))
}

// findPrograms finds the folder with initdb and pg_ctl: on the path, or where Debian puts them.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is valid
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is missing: apt-get install postgresql")
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// version of /usr/lib/postgresql/15/bin/initdb is 15.
func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // zero for a folder with another name
	return n
}

// unprivileged is who runs the server: nobody in particular, unless we are root, as whom PostgreSQL refuses to run.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
