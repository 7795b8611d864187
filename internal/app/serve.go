package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/suitekey/suitekey/internal/httpapi"
	"github.com/suitekey/suitekey/internal/web"
)

// drainFor is how long requests that are under way may take when the server is told to stop.
const drainFor = 20 * time.Second

// Serve answers on the listener and does the background work until ctx ends; then it drains.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	handler, err := a.handler()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelWarn),
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return a.Onboard.Run(ctx) })
	work.Go(func() error { return a.Rotate.Run(ctx) })
	work.Go(func() error { return a.Notify.Run(ctx) })
	work.Go(func() error {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	work.Go(func() error {
		<-ctx.Done()
		drain, stop := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
		defer stop()
		return server.Shutdown(drain)
	})
	return work.Wait()
}

func (a *App) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	pages, err := web.New(web.Config{
		Onboarding: a.Onboard, PublicURL: a.cfg.PublicURL, FormAction: a.cfg.Site.FormActionSources(),
		Logger: a.cfg.Logger, Now: a.cfg.Now, Dev: a.cfg.Dev, Emulator: a.cfg.Site.IsEmulator(),
	})
	if err != nil {
		return nil, err
	}
	pages.Register(mux)
	httpapi.New(httpapi.Config{
		Tokens: a.Tokens, Finaliser: a.Onboard, PublicURL: a.cfg.PublicURL, Ready: a.Store.Ping, Logger: a.cfg.Logger,
	}).Register(mux)
	return refuseUnclean(mux), nil
}

// refuseUnclean answers paths with dot segments or double slashes itself (OP-04). The standard mux would redirect them with
// 307, which sends a form's body again (ON-15).
func refuseUnclean(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clean := path.Clean(r.URL.Path)
		if r.URL.Path != clean && r.URL.Path != clean+"/" {
			http.Error(w, "the path must have no dot segments and no double slashes", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
