package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/suitekey/suitekey/netsuite"
)

// handOuts lets every client ask for a token and use it once. Who is told to come again, does so a little later.
func (w *world) handOuts(r *result, found complaint) {
	asking := w.customers
	for _, c := range asking {
		c.failures = nil
	}
	for round := 1; len(asking) > 0; round++ {
		answers := w.askAll(asking)
		var again []*customer
		for i, c := range asking {
			patient := w.now().Before(c.troubleUntil) || errors.Is(answers[i].err, errAllDead)
			switch f := answers[i]; {
			case f.err == nil:
				r.handOuts++
			case patient && f.comeAgain && round < rounds:
				again = append(again, c)
			default:
				c.failures = append(c.failures, failure{f.err.Error(), f.comeAgain})
				if f.comeAgain && w.now().Before(c.outageUntil) {
					r.refused++
				}
			}
		}
		if asking = again; len(asking) > 0 {
			w.pass(betweenAsk, r, found)
		}
	}
}

// pass lets a little time go by.
func (w *world) pass(d time.Duration, r *result, found complaint) {
	now := w.now().Add(d)
	w.emulator.Clock().Set(now)
	r.kills += w.revive(now, found)
	w.tell(now, found)
}

// met is what a caller met.
type met struct {
	err       error
	comeAgain bool
}

// askAll asks for all, a few at a time. Which replica each goes to first follows from the seed.
func (w *world) askAll(asking []*customer) []met {
	answers, slots := make([]met, len(asking)), make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, c := range asking {
		order := w.dice.Perm(len(w.replicas))
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			answers[i] = w.ask(c, order)
		})
	}
	running.Wait()
	return answers
}

var errAllDead = errors.New("all replicas are dead")

// ask goes to the replicas in an order, as a load balancer does when one has died.
func (w *world) ask(c *customer, order []int) met {
	for _, n := range order {
		r := w.replicas[n]
		p := r.running()
		if p == nil {
			continue
		}
		token, answer, broken := w.token(p, c)
		if broken != nil {
			if err := r.lost(p, broken); !errors.Is(err, errKilled) {
				return met{err: err}
			}
			continue
		}
		if answer.err != nil {
			return answer
		}
		return w.use(c, token)
	}
	return met{errAllDead, true}
}

// token asks a replica. broken is set when the connection broke.
func (w *world) token(p *process, c *customer) (token netsuite.Secret, answer met, broken error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+p.addr+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return token, met{err: err}, nil
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.clientID, c.secret.Reveal())
	res, err := w.callers.Do(r)
	if err != nil {
		return token, met{}, err
	}
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Account     string `json:"netsuite_account"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return token, met{}, err
	}
	if res.StatusCode != http.StatusOK {
		comeAgain := res.StatusCode == http.StatusServiceUnavailable && body.Error == "temporarily_unavailable" && res.Header.Get("Retry-After") != ""
		return token, met{fmt.Errorf("the token endpoint says %d %s: %s", res.StatusCode, body.Error, body.Description), comeAgain}, nil
	}
	if body.Account != c.account.ID() {
		return token, met{err: fmt.Errorf("got a token for account %s", body.Account)}, nil
	}
	return netsuite.NewSecret(body.AccessToken), met{}, nil
}

// useWithin is more than a call takes, slow answers included.
const useWithin = 30 * time.Second

// use makes one call with the token.
func (w *world) use(c *customer, token netsuite.Secret) met {
	ctx, cancel := context.WithTimeout(w.t.Context(), useWithin)
	defer cancel()
	api := netsuite.API{Account: c.connection.Account, Site: w.site, Token: token}
	_, err := api.SuiteQL(ctx, "SELECT 1 AS ok FROM dual", 1, 0)
	if err != nil {
		err = fmt.Errorf("NetSuite refused the token handed out: %w", err)
	}
	return met{err, netsuite.IsTemporary(err)}
}
