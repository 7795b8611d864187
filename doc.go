// Package suitekey is the root of the suitekey module: machine-to-machine connections between applications and the NetSuite
// accounts of their customers, made by one link and kept alive for years.
//
// The client of a suitekey server will live in this package. Until then most programs want one of these:
//
//   - [github.com/suitekey/suitekey/netsuite] talks to NetSuite itself: tokens, certificates, queries.
//   - [github.com/suitekey/suitekey/netsuitetest] is a strict NetSuite emulator for tests.
//   - The command in cmd/suitekey runs the server, the emulator and the demo.
//
// An application that takes its tokens from a suitekey server needs nothing of ours: the token endpoint is an ordinary one, and
// golang.org/x/oauth2/clientcredentials is enough. Everything under internal is the server's own.
package suitekey
