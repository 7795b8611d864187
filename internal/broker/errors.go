package broker

import (
	"errors"
	"fmt"
	"time"
)

// Code names a situation for programs, people and documentation: SK-ONB-201.
type Code string

const (
	CodeLinkExpired      Code = "SK-ONB-101"
	CodeLinkRevoked      Code = "SK-ONB-102"
	CodeAlreadyConnected Code = "SK-ONB-103"
	CodeLinkUnknown      Code = "SK-ONB-104"
	CodeDenied           Code = "SK-ONB-201"
	CodeWrongAccount     Code = "SK-ONB-202"
	CodeSetupRole        Code = "SK-ONB-203"
	CodeFeatureOff       Code = "SK-ONB-204"
	CodeBundleMissing    Code = "SK-ONB-205"
	CodeHolder           Code = "SK-ONB-206"
	CodeNotApproved      Code = "SK-ONB-207"
	CodeCertificateLimit Code = "SK-ONB-208"
	CodeUploadNeedsUser  Code = "SK-ONB-209"
	CodeConfirmAccount   Code = "SK-ONB-210"
	CodeRoleTooStrong    Code = "SK-ONB-211"
	CodeOtherPerson      Code = "SK-ONB-212"
	CodeBeingEnded       Code = "SK-ONB-213"
	CodeSetupTimeOver    Code = "SK-ONB-301"
	CodeTestFailed       Code = "SK-ONB-302"
	CodeUnreachable      Code = "SK-ONB-303"
	CodeTaskFailed       Code = "SK-ONB-304"
	CodeNotFinalised     Code = "SK-ONB-305"
	CodeConsentFailed    Code = "SK-ONB-306"
	CodeContinue         Code = "SK-ONB-401"
	CodeWrongStep        Code = "SK-ONB-402"

	CodeInvalid     Code = "SK-REQ-400"
	CodeNotFound    Code = "SK-REQ-404"
	CodeConflict    Code = "SK-REQ-409"
	CodeTooLarge    Code = "SK-REQ-413"
	CodeTooMany     Code = "SK-REQ-429"
	CodeAppInvalid  Code = "SK-APP-101"
	CodeAppUnproven Code = "SK-APP-102"
	CodeConfig      Code = "SK-CFG-101"
	CodeWrongKey    Code = "SK-VLT-101"
	CodeNoKey       Code = "SK-VLT-102"
	CodeTampered    Code = "SK-VLT-103"
	CodeWrongMode   Code = "SK-VLT-104"
	CodeAudit       Code = "SK-AUD-101"
	CodeDatabase    Code = "SK-STO-101"
	CodeBroken      Code = "SK-TOK-101"
	CodeSetupState  Code = "SK-TOK-102"
	CodeUndelivered Code = "SK-NTF-101"
	CodeInternal    Code = "SK-INT-500"
	CodeStale       Code = "SK-INT-503"
)

// ComeAgain is when asking again may help, for who was refused because our own database is away.
const ComeAgain = 5 * time.Second

// Situation is what the code means everywhere: one table for pages, the API and the documentation.
type Situation struct {
	// Status is the HTTP status of an answer that carries the code.
	Status int
	// Title is the heading of the page and of the documentation.
	Title string
	// Text says what happened and what was not harmed, in one or two plain sentences.
	Text string
	// Do is the next thing to do, for the reader.
	Do string
}

// Situations by code.
var Situations = map[Code]Situation{
	CodeLinkExpired:      {410, "This link has expired", "Links work for a limited time. Nothing was changed in your NetSuite.", "Ask for a new link."},
	CodeLinkRevoked:      {410, "This link was withdrawn", "The sender withdrew it. Nothing was changed in your NetSuite.", "Contact the sender."},
	CodeAlreadyConnected: {409, "Your NetSuite is already connected", "There is nothing left to do.", "See the connection, or reconnect if something is wrong with it."},
	CodeLinkUnknown:      {404, "We do not know this link", "It may have lost a few characters on its way to you. Nothing was changed in your NetSuite.", "Copy the whole link, or ask for a new one."},
	CodeDenied:           {200, "Nothing was changed", "You chose not to allow set-up in NetSuite, so we did nothing.", "Try again, or send the link to someone else."},
	CodeWrongAccount:     {200, "That is another NetSuite account", "We ended the permission and changed nothing there.", "Choose the expected account."},
	CodeSetupRole:        {200, "This role may not set up the connection", "The role with which you allowed set-up lacks a permission. Nothing was changed.", "Choose another role, for example Administrator."},
	CodeFeatureOff:       {200, "One NetSuite feature is off", "The connection needs it. Your progress is kept.", "Turn the feature on; this page notices by itself."},
	CodeBundleMissing:    {200, "The bundle is not there yet", "The bundle brings the role with which the connection works. Installing takes a few minutes.", "Install the bundle; this page notices by itself."},
	CodeHolder:           {200, "Who should the connection act as?", "The role must be held by one user. A user of its own is best.", "Give the role to a user, or choose one."},
	CodeNotApproved:      {200, "Approve the integration", "Your NetSuite holds new integrations back until an administrator approves them.", "Set the integration's state to Enabled; then continue."},
	CodeCertificateLimit: {200, "NetSuite keeps at most five certificates", "The integration already has five active ones, so ours cannot be added. None was touched.", "Choose one to remove."},
	CodeUploadNeedsUser:  {200, "One more permission, from the integration user", "The role you chose may add certificates for its own user only.", "Send the link to that user, or choose a role that may manage all of them."},
	CodeConfirmAccount:   {200, "Is this the right account?", "Nothing is written to NetSuite before you confirm.", "Confirm the account, or choose another one."},
	CodeRoleTooStrong:    {200, "This role may do too much", "The connection must not work with full access. Nothing was changed.", "Contact the sender: the app names the wrong role."},
	CodeOtherPerson:      {200, "You signed in as another person", "The connection acts as the person who consented first, so we ended this permission and changed nothing.", "Sign in to NetSuite as that person, or ask the sender to disconnect first."},
	CodeBeingEnded:       {200, "The old connection is still being ended", "NetSuite has not confirmed that yet. We wait, so that the new connection is not ended with the old one. Your progress is kept.", "This page goes on by itself. If it takes long, ask the sender to end the old connection at once."},
	CodeSetupTimeOver:    {200, "Set-up time is over, your progress is kept", "The permission for set-up lives one hour and has ended. What was done stays done.", "Allow set-up once more to go on."},
	CodeTestFailed:       {200, "Connected, but the test failed", "The certificate is in place, but NetSuite did not accept it for a token and a call. No data was touched.", "Mend the cause named below, then try again."},
	CodeUnreachable:      {200, "NetSuite does not answer", "We keep trying by ourselves, and your progress is kept.", "You may close this page and come back later."},
	CodeTaskFailed:       {200, "One set-up task failed", "The connection was tested and works. A task of the app was refused by NetSuite.", "Try again, or contact the sender."},
	CodeNotFinalised:     {200, "The app did not confirm in time", "We ended the permission and changed nothing in your NetSuite.", "Start again from the app."},
	CodeConsentFailed:    {200, "NetSuite did not complete the consent", "It refused the request before you could allow it. Nothing was changed.", "Try again; if it happens twice, contact the sender."},
	CodeContinue:         {400, "Please continue where you began", "This step belongs to another browser, or its time is over. Nothing was changed.", "Open the link from your message in this browser."},
	CodeWrongStep:        {409, "That step is not possible now", "The set-up has moved on. Nothing was changed.", "Open your progress."},

	CodeInvalid:     {400, "The request is not valid", "Nothing was changed.", "Correct the named field."},
	CodeNotFound:    {404, "There is nothing here", "The address may have lost a few characters.", "Check the address."},
	CodeConflict:    {409, "Somebody else changed this first", "Nothing was changed by this request.", "Read it again and repeat."},
	CodeTooLarge:    {413, "The request is too large", "Nothing was changed.", "Send less."},
	CodeTooMany:     {429, "Too many requests", "Nothing was changed.", "Wait a little and try again."},
	CodeAppInvalid:  {400, "The app definition is not valid", "Nothing was stored.", "Correct the named line."},
	CodeAppUnproven: {409, "The app has not been checked", "A link would lead to an error page of NetSuite.", "Run: suitekey app check NAME"},
	CodeConfig:      {500, "A setting is not valid", "The server did not start.", "Correct the named setting."},
	CodeWrongKey:    {500, "This is not the master key of this vault", "Nothing was read or written.", "Start with the key whose ID is named."},
	CodeNoKey:       {500, "The vault needs its master key", "A key is never made silently when there may be data.", "Set master_key_file or SUITEKEY_MASTER_KEY."},
	CodeTampered:    {500, "A stored secret was changed from outside", "It was not used. Other connections go on.", "Restore the row from a backup, or onboard this connection again."},
	CodeWrongMode:   {500, "This vault belongs to the other world", "A vault for the real NetSuite never talks to an emulator, and the other way round.", "Use another database, or change netsuite.emulator."},
	CodeAudit:       {503, "The audit line could not be stored", "No token was handed out without it.", "Make room for the database, then try again."},
	CodeDatabase:    {503, "The database does not answer", "The server gives nothing away that it cannot note down. It goes on by itself when the database is back.", "Try again in a few seconds."},
	CodeBroken:      {400, "The connection cannot get a token", "NetSuite refused the connection's certificate.", "Send the customer a repair link."},
	CodeSetupState:  {400, "The connection is not ready", "Its set-up has not been finished, or it was disconnected.", "Finish the set-up."},
	CodeStale:       {503, "This server is cut off from its database", "Until it is back, it hands out what it has and asks NetSuite for nothing, since another server may have taken over.", "Make the database reachable from this server."},
	CodeUndelivered: {502, "The message did not arrive", "Events are kept and tried again for three days; a test is tried once.", "Correct the endpoint, then test it again."},
	CodeInternal:    {500, "Something went wrong on our side", "It has been logged with the number below. Your progress is kept.", "Try again in a moment."},
}

// Error is a refusal or failure with a code. What, Cause and Do are for people; Err is for the log.
type Error struct {
	Code  Code
	What  string // what failed, in lower case, with the field's name: `field "expect": …`
	Cause string
	Do    string
	Err   error
}

// Errorf makes an Error whose What is the formatted text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, What: fmt.Sprintf(format, args...)}
}

// WithDo sets what to do next.
func (e *Error) WithDo(do string) *Error { e.Do = do; return e }

// WithCause keeps the error that led to this one.
func (e *Error) WithCause(err error) *Error { e.Err = err; return e }

func (e *Error) Error() string {
	s := e.What
	if s == "" {
		s = Situations[e.Code].Title
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to do next: the error's own word, or the situation's.
func (e *Error) Remedy() string {
	if e.Do != "" {
		return e.Do
	}
	return Situations[e.Code].Do
}

// CodeOf finds the code of an error; CodeInternal when it has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// ErrNotFound is what a store answers when there is no such row; ErrConflict when the row was changed since it was read.
var (
	ErrNotFound = errors.New("no such row")
	ErrConflict = errors.New("the row was changed since it was read")
)

// ErrConsentEnded says that the consent behind a user connection has ended; ErrResponseLost that an answer of NetSuite was lost, and
// its next refresh token with it (RO-09).
var (
	ErrConsentEnded = errors.New("the person's consent has ended")
	ErrResponseLost = errors.New("an answer of NetSuite was lost, and the next refresh token with it")
)

// ErrCertificateRevoked says that somebody revoked a certificate at NetSuite before it was used; another one is planned.
var ErrCertificateRevoked = errors.New("the certificate was revoked at NetSuite")

// CertificateLimitError says that NetSuite already keeps its five active certificates, and names them.
type CertificateLimitError struct {
	Active []KnownCertificate
}

func (e *CertificateLimitError) Error() string {
	return fmt.Sprintf("the integration record already has %d active certificates, and NetSuite keeps at most five", len(e.Active))
}
