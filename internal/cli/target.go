package cli

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey"
	"github.com/suitekey/suitekey/internal/app"
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/pkcs11"
	"github.com/suitekey/suitekey/internal/profile"
	"github.com/suitekey/suitekey/internal/tokens"
	"github.com/suitekey/suitekey/internal/vault"
	"github.com/suitekey/suitekey/netsuite"
)

// target is the connection that a command works on, wherever its credentials are.
type target struct {
	name          string // for people: of the profile, the ID of the connection, or the account
	account       netsuite.AccountID
	site          netsuite.Site
	clientID      string // of the integration record; empty when only a server knows it
	certificateID string // the one that signs; empty where there is none, or only a server knows it
	api           *netsuite.API
	token         func(context.Context) (*netsuite.Token, error)
	client        func(context.Context) *http.Client // that signs in

	// profile is set for a connection on this machine, credentials where a key is at hand, and served for one of the server's own
	// database.
	profile     *profile.Session
	credentials *netsuite.ClientCredentials
	served      *served
}

// served is a connection in the server's database.
type served struct {
	app        *app.App
	connection broker.Connection
}

// withTarget opens the connection that the settings name, for one command: of a server (--server), of the server's own database (an ID,
// co_…), of this machine (a name), or of the environment alone. Without any, the only one on this machine is meant.
func (e *env) withTarget(cmd *cobra.Command, do func(context.Context, *target) error) error {
	get, err := e.connectionSettings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	name := get["connection"]
	switch {
	case get["server"].text != "":
		t, err := fromServer(ctx, get)
		if err != nil {
			return err
		}
		return do(ctx, t)
	case broker.IsConnectionID(name.text):
		return e.withApp(cmd, func(ctx context.Context, a *app.App) error {
			t, err := fromDatabase(ctx, a, name.text)
			if err != nil {
				return err
			}
			return do(ctx, t)
		})
	// The more explicit choice counts: a flag over a variable, and a name over what it stands for.
	case get["account"].text != "" && get["account"].rank > name.rank:
		t, err := fromSettings(ctx, get)
		if err != nil {
			return err
		}
		return do(ctx, t)
	}
	t, err := e.fromProfile(get)
	if err != nil {
		return err
	}
	return do(ctx, t)
}

// connectionSettings are the settings by key, with their sources.
func (e *env) connectionSettings(cmd *cobra.Command) (map[string]foundSetting, error) {
	found, err := findSettings(e.getenv, os.ReadFile, e.configFile, cmd.Flags())
	if err != nil {
		return nil, err
	}
	return found.byKey(), nil
}

// withFolder opens the folder of the connections on this machine for one command.
func (e *env) withFolder(cmd *cobra.Command, do func(context.Context, profile.Folder, map[string]foundSetting) error) error {
	get, err := e.connectionSettings(cmd)
	if err != nil {
		return err
	}
	folder, err := e.folder(get)
	if err != nil {
		return err
	}
	return do(cmd.Context(), folder, get)
}

// folder is where the connections on this machine are, and what opens them.
func (e *env) folder(get map[string]foundSetting) (profile.Folder, error) {
	path := get["home"].text
	if path == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return profile.Folder{}, badSetting("setting home", "is not set, and this user has no configuration folder").WithCause(err).WithDo("Set SUITEKEY_HOME to a folder.")
		}
		path = filepath.Join(config, "suitekey")
	}
	return profile.Folder{
		Path:     filepath.Join(path, "connections"),
		Key:      func(id string) (profile.MasterKey, error) { return masterKey(get["master_key"], id) },
		Hardware: hardware,
	}, nil
}

// hardware opens a key in a PKCS#11 token.
func hardware(ctx context.Context, uri string) (crypto.Signer, error) {
	key, err := pkcs11.Open(ctx, uri, "")
	var refused *pkcs11.Error
	switch {
	case errors.As(err, &refused):
		return nil, broker.Errorf(broker.CodeNoKey, "setting key_uri: %s", refused.What).WithDo(refused.Do)
	case err != nil:
		return nil, broker.Errorf(broker.CodeConfig, "setting key_uri: the key cannot be opened").WithCause(err).WithDo("For example: pkcs11:token=acme;object=netsuite. See docs/hardware-keys.md.")
	}
	return key, nil
}

// masterKey is the one that the settings give, when it fits, and else the one of the system's keyring.
func masterKey(given foundSetting, id string) (profile.MasterKey, error) {
	if given.text != "" {
		key, err := vault.ParseMasterKey(given.text)
		if err != nil {
			return nil, err
		}
		if id == "" || key.ID() == id {
			return key, nil
		}
	}
	key, err := vault.SystemKey(id)
	if err == nil {
		return key, nil
	}
	var e *broker.Error
	if !errors.As(err, &e) {
		return nil, err
	}
	do := "Make one with: suitekey keys master --out master.key. Then set SUITEKEY_MASTER_KEY_FILE=master.key, now and later."
	if id != "" {
		do = "Set SUITEKEY_MASTER_KEY_FILE to the file of the master key with ID " + id + "."
	}
	return nil, e.WithDo(do)
}

func (e *env) fromProfile(get map[string]foundSetting) (*target, error) {
	folder, err := e.folder(get)
	if err != nil {
		return nil, err
	}
	name := get["connection"].text
	if name == "" {
		if name, err = onlyOne(folder); err != nil {
			return nil, err
		}
	}
	s, err := folder.Open(name)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, unknownConnection(folder, name)
	}
	if err != nil {
		return nil, err
	}
	return &target{
		name: s.Name, account: s.Account, site: s.Site(), clientID: s.ClientID, certificateID: s.CertificateID, api: s.API(), token: s.Token, client: s.Client, profile: s,
	}, nil
}

// onlyOne is the connection that is meant when none is named.
func onlyOne(folder profile.Folder) (string, error) {
	names, err := folder.Names()
	switch {
	case err != nil:
		return "", err
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", broker.Errorf(broker.CodeInvalid, "there is no connection on this machine yet").WithDo("Make one with: suitekey connect --help")
	}
	return "", broker.Errorf(broker.CodeInvalid, "flag --connection: there are several connections on this machine").WithDo("Choose one of: " + strings.Join(names, ", "))
}

func unknownConnection(folder profile.Folder, name string) error {
	do := "Make it with: suitekey connect --connection " + name
	if names, err := folder.Names(); err == nil && len(names) > 0 {
		do = "There are: " + strings.Join(names, ", ")
	}
	return broker.Errorf(broker.CodeNotFound, "there is no connection %q on this machine", name).WithDo(do)
}

// fromSettings is a connection that lives in flags and environment alone: nothing is read from, or kept in, a file of ours.
func fromSettings(ctx context.Context, get map[string]foundSetting) (*target, error) {
	var missing []string
	for _, key := range []string{"client_id", "certificate_id"} {
		if get[key].text == "" {
			missing = append(missing, get[key].variable())
		}
	}
	if get["key"].text == "" && get["key_uri"].text == "" {
		missing = append(missing, "SUITEKEY_KEY_FILE")
	}
	if len(missing) > 0 {
		return nil, badSetting("setting account ("+get["account"].source+")", "is set, and so must be the rest of the connection").WithDo("Set also: " + strings.Join(missing, ", "))
	}
	c := &netsuite.ClientCredentials{ClientID: get["client_id"].text, CertificateID: get["certificate_id"].text}
	var errs [4]error
	c.Account, errs[0] = parseAccount(get["account"])
	c.Site, errs[1] = parseSite(get["netsuite.emulator"])
	c.Scopes, errs[2] = parseScopes(get["scopes"])
	if uri := get["key_uri"]; uri.text != "" {
		c.Key, errs[3] = hardware(ctx, uri.text)
	} else if c.Key, errs[3] = netsuite.ParsePrivateKey([]byte(get["key"].text)); errs[3] != nil {
		errs[3] = get["key"].refuse("must be a private key in PEM form").WithCause(errs[3]).WithDo("Make one with: suitekey keys generate --out acme")
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &target{
		name: c.Account.String(), account: c.Account, site: c.Site, clientID: c.ClientID, certificateID: c.CertificateID, api: c.API(), token: c.Token, client: c.Client, credentials: c,
	}, nil
}

func parseAccount(f foundSetting) (netsuite.AccountID, error) {
	account, err := netsuite.ParseAccountID(f.text)
	if err != nil {
		return account, f.refuse("%v", err).WithDo("Copy it from Setup > Company > Company Information > Account ID.")
	}
	return account, nil
}

var knownScopes = []string{"rest_webservices", "restlets", "suite_analytics"}

func parseScopes(f foundSetting) ([]string, error) {
	scopes := strings.FieldsFunc(f.text, func(r rune) bool { return r == ',' || r == ' ' })
	for _, scope := range scopes {
		if !slices.Contains(knownScopes, scope) {
			return nil, f.refuse("must be a list of %s; got %.40q", strings.Join(knownScopes, ", "), scope)
		}
	}
	if len(scopes) == 0 {
		return nil, f.refuse("must name one scope at least").WithDo("For example: rest_webservices")
	}
	return scopes, nil
}

// fromServer takes tokens from the token endpoint of a server. It knows nothing of keys there, nor of the integration record unless the
// settings name it.
func fromServer(ctx context.Context, get map[string]foundSetting) (*target, error) {
	site, err := parseSite(get["netsuite.emulator"])
	if err != nil {
		return nil, err
	}
	server := &suitekey.Server{
		URL: get["server"].text, ClientID: get["server_client_id"].text, ClientSecret: netsuite.NewSecret(get["server_client_secret"].text), Site: site,
	}
	if server.Resource, err = resourceOf(get["connection"], get["account"], site); err != nil {
		return nil, err
	}
	if err := server.Check(); err != nil {
		return nil, get["server"].refuse("%v", err).WithDo("Give the address alone, and set SUITEKEY_SERVER_CLIENT_ID and SUITEKEY_SERVER_CLIENT_SECRET_FILE to what suitekey client create printed.")
	}
	first, err := server.Connection(ctx)
	var refused *suitekey.Error
	switch {
	case errors.As(err, &refused):
		return nil, describeServer(refused, get)
	case err != nil:
		return nil, broker.Errorf(broker.CodeUnreachable, "setting server (%s): no token was got", get["server"].source).WithCause(err).WithDo("See that the address is that of a suitekey server, and that it runs.")
	}
	return &target{
		name: first.Account.String(), account: first.Account, site: site, clientID: get["client_id"].text, api: first.API(), token: first.Token, client: first.Client,
	}, nil
}

// resourceOf is the base URL by which one of the client's connections is chosen; empty when it has one only. The name of a connection is
// its account here: IDs are the operator's.
func resourceOf(connection, account foundSetting, site netsuite.Site) (string, error) {
	chosen := account
	if connection.text != "" && connection.rank >= account.rank {
		chosen = connection
	}
	if chosen.text == "" {
		return "", nil
	}
	id, err := parseAccount(chosen)
	if err != nil {
		return "", err
	}
	base, err := site.BaseURL(id, netsuite.ServiceSuiteTalk)
	if err != nil {
		return "", err
	}
	return base.String(), nil
}

// serverCodes are the pages that explain what a server's token endpoint refuses.
var serverCodes = map[string]broker.Code{
	"invalid_grant": broker.CodeBroken, "temporarily_unavailable": broker.CodeUnreachable, "invalid_client": broker.CodeConfig, "invalid_request": broker.CodeInvalid,
}

func describeServer(refused *suitekey.Error, get map[string]foundSetting) error {
	code := cmp.Or(serverCodes[refused.Code], broker.CodeConfig)
	e := broker.Errorf(code, "setting server (%s): it gives no token", get["server"].source).WithCause(refused)
	if refused.Code == "invalid_client" {
		e = e.WithDo("Compare SUITEKEY_SERVER_CLIENT_ID and SUITEKEY_SERVER_CLIENT_SECRET_FILE with what suitekey client create printed.")
	}
	return e
}

// fromDatabase is a connection of the server that this command sits beside. Each token that leaves is audited.
func fromDatabase(ctx context.Context, a *app.App, id string) (*target, error) {
	conn, err := a.Store.Connection(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, broker.Errorf(broker.CodeNotFound, "there is no connection %.80q", id).WithDo("suitekey connection list")
	}
	if err != nil {
		return nil, err
	}
	definition, err := a.Store.App(ctx, conn.App)
	if err != nil {
		return nil, err
	}
	provided := &netsuite.ProvidedTokens{Account: conn.Account, Site: a.Tokens.Site, Fetch: func(ctx context.Context, refused *netsuite.Token) (*netsuite.Token, error) {
		return operatorToken(ctx, a.Tokens, id, refused)
	}}
	t := &target{
		name: id, account: conn.Account, site: a.Tokens.Site, clientID: definition.MachineClientID(), certificateID: conn.CertificateID,
		api: provided.API(), token: provided.Token, client: provided.Client, served: &served{a, conn},
	}
	t.api.CertificateService = definition.CertificatesService()
	return t, nil
}

func operatorToken(ctx context.Context, s *tokens.Service, id string, refused *netsuite.Token) (*netsuite.Token, error) {
	var old netsuite.Secret
	if refused != nil {
		old = refused.AccessToken
	}
	got, err := s.ForOperator(ctx, id, old)
	if err != nil {
		return nil, err
	}
	return &netsuite.Token{AccessToken: got.AccessToken, TokenType: "Bearer", Scope: got.Scope, ExpiresIn: got.ExpiresIn, Expiry: time.Now().Add(got.ExpiresIn)}, nil
}
