package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

//go:embed templates static
var embedded embed.FS

// sourceFiles are templates and static files: from the program, or from the disk while somebody works on them.
func sourceFiles(dev bool) fs.FS {
	if dev {
		return os.DirFS("internal/web")
	}
	return embedded
}

// assets maps a static file to its address with a content hash, and back.
type assets struct {
	address map[string]string // wizard.css -> /static/wizard.1a2b3c4d.css
	file    map[string]string // wizard.1a2b3c4d.css -> wizard.css
}

func readAssets(files fs.FS) (assets, error) {
	a := assets{address: map[string]string{}, file: map[string]string{}}
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return a, fmt.Errorf("web: static files: %w", err)
	}
	for _, e := range entries {
		content, err := fs.ReadFile(files, "static/"+e.Name())
		if err != nil {
			return a, fmt.Errorf("web: static files: %w", err)
		}
		ext := path.Ext(e.Name())
		named := strings.TrimSuffix(e.Name(), ext) + "." + contentHash(content) + ext
		a.address[e.Name()], a.file[named] = "/static/"+named, e.Name()
	}
	return a, nil
}

func contentHash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:5])
}

func (h *Handler) handleStatic(w http.ResponseWriter, r *http.Request) {
	name, ok := h.assets.file[r.PathValue("file")]
	if !ok {
		h.handleNotFound(w, r)
		return
	}
	content, err := fs.ReadFile(h.files, "static/"+name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !h.cfg.Dev {
		cache(w.Header(), true)
	}
	write(w, mime.TypeByExtension(path.Ext(name)), content)
}

// handleTheme serves /brand/{app}.css.
func (h *Handler) handleTheme(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".css")
	if !ok {
		h.handleNotFound(w, r)
		return
	}
	app, err := h.cfg.Onboarding.Brand(r.Context(), name)
	if err != nil {
		h.failBrand(w, r, err)
		return
	}
	theme := Theme(app.Brand.Accent)
	cache(w.Header(), names(r, contentHash([]byte(theme))))
	write(w, "text/css; charset=utf-8", []byte(theme))
}

// logoTypes are the pictures that we serve.
var logoTypes = []string{"image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif"}

func (h *Handler) handleLogo(w http.ResponseWriter, r *http.Request) {
	app, err := h.cfg.Onboarding.Brand(r.Context(), r.PathValue("app"))
	if err != nil {
		h.failBrand(w, r, err)
		return
	}
	if !hasLogo(app) {
		h.handleNotFound(w, r)
		return
	}
	// An SVG that is opened as a page of its own is a document: it gets no script, no origin and no outside.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox")
	cache(w.Header(), names(r, contentHash(app.Logo)))
	write(w, app.LogoType, app.Logo)
}

func hasLogo(app broker.App) bool {
	return len(app.Logo) > 0 && slices.Contains(logoTypes, app.LogoType)
}

// failBrand answers for an app that does not exist, and for everything else as usual.
func (h *Handler) failBrand(w http.ResponseWriter, r *http.Request, err error) {
	if isNotFound(err) {
		h.handleNotFound(w, r)
		return
	}
	h.fail(w, r, err)
}

// names reports that the address names the content that it has now.
func names(r *http.Request, hash string) bool { return r.URL.Query().Get("v") == hash }

// write sends a complete body. A client that has gone away is no error of ours.
func write(w http.ResponseWriter, media string, body []byte) {
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body)
}
