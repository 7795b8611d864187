// Package netsuitetest is an emulator of the part of NetSuite that OAuth 2.0 clients meet: log-in and consent
// pages, the token, revoke, keys and certificates endpoints, bearer checks, SuiteQL and records over a seeded
// company, RESTlets, bundles, roles, features, the limit of concurrent requests and, behind a switch, OpenID Connect, each strict
// and stateful.
//
// Most tests call Start, add an integration record, and talk HTTP to the address:
//
//	srv := netsuitetest.Start(t)
//	app, err := srv.AddIntegration(netsuitetest.Integration{Name: "Acme Sync", ...})
//	... drive a client against srv.URL() ...
//	srv.Ledger().Count(func(e netsuitetest.Entry) bool { return e.GrantType == "client_credentials" && e.OK })
//
// Promises: every request that reaches the handler makes one ledger entry, which stands in the ledger before the
// answer's first byte leaves; the entry names the rule that the request met or broke; no secret enters the ledger
// or the log; the clock can be moved and everything that ages follows it; a refused request changes nothing,
// except where NetSuite itself punishes (the second use of a code). Where Oracle is silent the behaviour is a
// field of Settings and marked as a guess.
//
// It is also a proxy, by which unmodified clients reach it under NetSuite's own names: see Server.ProxyURL.
//
// State is taken and put back by Server.Snapshot, Restore and Reset, in milliseconds; LoadSeed reads what to start with
// from a file.
//
// In the comments and rules H/x stands for
// https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/x.html.
//
// Not here: MCP, SuiteAnalytics Connect, SOAP, the flow in three steps of token-based authentication
// (its signed requests are here), two-factor log-in and SAML. The keys it signs with are worth nothing:
// never trust them outside a test.
package netsuitetest
