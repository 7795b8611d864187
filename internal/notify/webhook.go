package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// Webhooks follow Standard Webhooks 1.0 (https://www.standardwebhooks.com): headers, signature and the form of secret and body.

const secretPrefix = "whsec_"

// EventTest is the type of the body that Test sends. It is never stored.
const EventTest broker.EventType = "webhook.test"

// payload is the thin body: names of things, which the receiver reads by a way that it trusts. It is the same at each attempt.
type payload struct {
	Type      broker.EventType `json:"type"`
	Timestamp time.Time        `json:"timestamp"`
	Data      payloadData      `json:"data"`
}

type payloadData struct {
	ID         string       `json:"id"`
	App        string       `json:"app,omitempty"`
	Connection string       `json:"connection,omitempty"`
	Cause      broker.Cause `json:"cause,omitempty"`
}

func payloadOf(e broker.Event) ([]byte, error) {
	return json.Marshal(payload{e.Type, e.At.UTC(), payloadData{e.Object, e.App, e.ConnectionID, e.Cause}})
}

// sendWebhook sends an event. The ID of the message is that of the event, so that a receiver knows it again when it comes twice.
func (s *Service) sendWebhook(ctx context.Context, e broker.Endpoint, event broker.Event) outcome {
	body, err := payloadOf(event)
	if err != nil {
		return failed(err)
	}
	at := strconv.FormatInt(s.now().Unix(), 10)
	signatures, err := s.sign(e, event.ID+"."+at+"."+string(body))
	if err != nil {
		return failed(err)
	}
	return s.post(ctx, e, body, http.Header{
		"Webhook-Id": {event.ID}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signatures},
	})
}

// sign signs with the secret and, while it is being changed, with the old one too.
func (s *Service) sign(e broker.Endpoint, content string) (string, error) {
	secret, err := s.Vault.Open(place(e, "secret"), e.Secret)
	if err != nil {
		return "", err
	}
	signatures, err := signature(secret, content)
	if err != nil || !s.rotating(e) {
		return signatures, err
	}
	old, err := s.Vault.Open(place(e, "old_secret"), e.OldSecret)
	if err != nil {
		return "", err
	}
	second, err := signature(old, content)
	return signatures + " " + second, err
}

func signature(secret []byte, content string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(secret), secretPrefix))
	if err != nil {
		return "", errors.New("the stored secret of a webhook is not base64") // the cause could hold a part of it
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(content))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// post sends a JSON body to the endpoint's URL. The answer's status and Retry-After count; its body is not read.
func (s *Service) post(ctx context.Context, e broker.Endpoint, body []byte, header http.Header) outcome {
	address, err := s.Vault.Open(place(e, "url"), e.URL)
	if err != nil {
		return failed(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(address), bytes.NewReader(body))
	if err != nil {
		return failed(errors.New("the stored URL of an endpoint is not valid")) // the cause would repeat it
	}
	request.Header = header
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "suitekey")
	response, err := s.Guard.Client().Do(request)
	if err != nil {
		return failed(withoutURL(err))
	}
	_ = response.Body.Close()
	return answered(response.StatusCode, retryAfter(response.Header.Get("Retry-After"), s.now()))
}

func answered(status int, after time.Duration) outcome {
	switch {
	case status >= 200 && status < 300:
		return outcome{status: status}
	case status >= 300 && status < 400:
		return outcome{status: status, err: fmt.Errorf("the endpoint answered %d; redirects are not followed", status), after: after}
	}
	return outcome{status: status, err: fmt.Errorf("the endpoint answered %d", status), after: after, gone: status == http.StatusGone}
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3). What cannot be read, or lies in the past, asks for nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
