// Storybook serves every screen of the onboarding wizard from canned runs, for people who change a page and for tests that
// look at one. It is the server's own handler with package storybook behind it. Run it in the root of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/suitekey/suitekey/internal/web"
	"github.com/suitekey/suitekey/internal/web/storybook"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("storybook", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8799", "address to listen on")
	dev := flags.Bool("dev", false, "read templates and static files from internal/web at every request")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	home := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	handler, err := pages(home, *dev, stderr)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintln(stdout, home)
	return serve(ctx, listener, handler)
}

func pages(home *url.URL, dev bool, stderr io.Writer) (http.Handler, error) {
	handler, err := web.New(web.Config{
		Onboarding: storybook.Onboarding{Leads: home.String() + "/"}, PublicURL: home, Now: storybook.Now, Dev: dev, Emulator: true,
		Logger: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	handler.Register(mux)
	mux.HandleFunc("GET /{$}", storybook.Index)
	return mux, nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(shut)
	<-done // http.ErrServerClosed: we closed it
	return err
}
