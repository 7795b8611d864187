package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/onboard"
	"github.com/suitekey/suitekey/internal/private"
	"github.com/suitekey/suitekey/internal/strictyaml"
	"github.com/suitekey/suitekey/netsuite"
)

const (
	maxLogo       = 64 << 10
	maxLogoPixels = 2048 // in width and height
	maxSecretFile = 1 << 10
)

// readAppFile reads an app's definition from its YAML file, with the logo and the client secrets from the files that it names,
// relative to it. The definition is completed and valid. Every error is SK-APP-101 and names file, field and remedy.
func readAppFile(path string) (broker.App, onboard.AppSecrets, error) {
	a, secrets, err := loadApp(path)
	if err != nil {
		return broker.App{}, onboard.AppSecrets{}, err
	}
	return a, secrets, nil
}

func loadApp(path string) (a broker.App, secrets onboard.AppSecrets, err error) {
	data, err := readSmall(path, strictyaml.MaxSize)
	if err != nil {
		return a, secrets, badApp("app definition %s: %v", path, err)
	}
	if err := strictyaml.Decode(path, data, &a); err != nil {
		return a, secrets, badApp("%v", err)
	}
	a.Complete()
	// Whether http return URLs are allowed depends on the server, which checks again when it stores the definition.
	if err := a.Validate(false); err != nil {
		return a, secrets, err
	}
	folder := filepath.Dir(path)
	if secrets, err = readSecrets(folder, a.Integration); err != nil {
		return a, secrets, err
	}
	a.Logo, a.LogoType, err = readLogo(folder, a.Brand.Logo)
	return a, secrets, err
}

func readSecrets(folder string, i broker.Integration) (secrets onboard.AppSecrets, err error) {
	if !i.Consent.Public {
		if secrets.Consent, err = readClientSecret(folder, "integration.consent.client_secret_file", i.Consent.ClientSecretFile); err != nil {
			return secrets, err
		}
	}
	if i.User != nil && !i.User.Public {
		secrets.User, err = readClientSecret(folder, "integration.user.client_secret_file", i.User.ClientSecretFile)
	}
	return secrets, err
}

func badApp(what string, args ...any) error {
	return broker.Errorf(broker.CodeAppInvalid, what, args...)
}

func badAppField(field, rule string, args ...any) error {
	return badApp("app definition, field %q: %s", field, fmt.Sprintf(rule, args...))
}

// The form of NetSuite's client IDs and secrets.
var clientSecretForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func readClientSecret(folder, field, name string) (netsuite.Secret, error) {
	data, err := readOwn(beside(folder, name), maxSecretFile)
	if err != nil {
		return netsuite.Secret{}, badAppField(field, "%s: %v", name, err)
	}
	text := strings.TrimSpace(string(data))
	if !clientSecretForm.MatchString(text) {
		return netsuite.Secret{}, badAppField(field, "%s must hold the 64 hexadecimal characters that NetSuite showed once, when the integration record was saved; it holds %d characters", name, len(text))
	}
	return netsuite.NewSecret(text), nil
}

func readLogo(folder, name string) (logo []byte, mediaType string, err error) {
	if name == "" {
		return nil, "", nil
	}
	if logo, err = readSmall(beside(folder, name), maxLogo); err == nil {
		mediaType, err = checkLogo(logo)
	}
	if err != nil {
		return nil, "", badAppField("brand.logo", "%s: %v", name, err)
	}
	return logo, mediaType, nil
}

func beside(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

// readSmall reads a regular file of at most limit bytes, whoever may read it.
func readSmall(path string, limit int64) ([]byte, error) {
	data, err := private.ReadShared(path, limit)
	return data, reasonOf(err)
}

// readOwn reads a small file that nobody else may read (CL-01).
func readOwn(path string, limit int64) ([]byte, error) {
	data, err := private.Read(path, limit)
	return data, reasonOf(err)
}

// checkLogo tells the media type from the content, and refuses what could do more than be looked at.
func checkLogo(logo []byte) (mediaType string, err error) {
	if bytes.HasPrefix(logo, []byte("\x89PNG\r\n\x1a\n")) {
		return "image/png", checkPNG(logo)
	}
	return "image/svg+xml", checkSVG(logo)
}

func checkPNG(logo []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(logo))
	if err != nil {
		return errors.New("it is not a whole PNG picture; export it again")
	}
	if config.Width > maxLogoPixels || config.Height > maxLogoPixels {
		return fmt.Errorf("it has %d x %d pixels; %d x %d are enough", config.Width, config.Height, maxLogoPixels, maxLogoPixels)
	}
	if _, err := png.Decode(bytes.NewReader(logo)); err != nil {
		return errors.New("it is not a whole PNG picture; export it again")
	}
	return nil
}

const svgSpace = "http://www.w3.org/2000/svg"

// svgElements draw, and do nothing else. Scripts, pages inside the picture and animations, which can change links, are not here.
var svgElements = strings.Fields(`svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath
	linearGradient radialGradient stop pattern clipPath mask marker style filter feBlend feColorMatrix feComponentTransfer feComposite
	feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset feDropShadow`)

// checkSVG lets pass what draws only. Browsers run no script in a picture; a person who opens the file by its address is another case.
func checkSVG(logo []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(logo))
	elements := 0
	for {
		t, err := decoder.Token()
		switch {
		case err == io.EOF && elements > 0:
			return nil
		case err != nil && elements == 0:
			return errors.New("it must be a PNG or SVG picture")
		case err != nil:
			return errors.New("it is not well-formed SVG; save it as plain SVG, or use PNG")
		}
		if start, ok := t.(xml.StartElement); ok {
			elements++
			if elements == 1 && start.Name != (xml.Name{Space: svgSpace, Local: "svg"}) {
				return errors.New("it must be a PNG or SVG picture")
			}
		}
		if err := checkSVGToken(t); err != nil {
			return err
		}
	}
}

func checkSVGToken(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return checkSVGElement(t)
	case xml.CharData:
		return checkSVGStyle(string(t))
	case xml.Directive:
		return errors.New("it has a document type, which may define more than a picture; save it as plain SVG, or use PNG")
	case xml.ProcInst:
		if t.Target != "xml" {
			return fmt.Errorf("it has a processing instruction %.40q; save it as plain SVG, or use PNG", t.Target)
		}
	}
	return nil
}

func checkSVGElement(e xml.StartElement) error {
	if e.Name.Space != svgSpace || !slices.Contains(svgElements, e.Name.Local) {
		return fmt.Errorf("element %.40q is not allowed in a logo; save it as plain SVG, or use PNG", e.Name.Local)
	}
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		if strings.HasPrefix(name, "on") || name == "base" || name == "href" && !strings.HasPrefix(a.Value, "#") {
			return fmt.Errorf("attribute %.40q of %s is not allowed in a logo, which may refer to its own parts only; save it as plain SVG, or use PNG", a.Name.Local, e.Name.Local)
		}
		if err := checkSVGStyle(a.Value); err != nil {
			return err
		}
	}
	return nil
}

var cssAddress = regexp.MustCompile(`(?i)url\(\s*["']?\s*([^\s"')]?)`)

// checkSVGStyle refuses style that fetches something: addresses other than of the picture's own parts, imports, and escapes that
// could hide either.
func checkSVGStyle(text string) error {
	for _, m := range cssAddress.FindAllStringSubmatch(text, -1) {
		if m[1] != "#" {
			return errors.New("its style refers to something outside; save it as plain SVG, or use PNG")
		}
	}
	if lower := strings.ToLower(text); strings.Contains(lower, "@import") || strings.Contains(lower, "image-set(") || strings.Contains(text, "\\") {
		return errors.New("its style refers to something outside; save it as plain SVG, or use PNG")
	}
	return nil
}
