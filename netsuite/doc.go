// Package netsuite talks to Oracle NetSuite with OAuth 2.0: it obtains tokens and verifies them, manages the certificates behind
// them, and calls what a token is for.
//
// Most programs want [ClientCredentials]: one struct literal, then
//
//   - [ClientCredentials.Client] for an *http.Client that signs in by itself,
//   - [ClientCredentials.API] for SuiteQL ([API.Query], [Rows]), records ([API.CreateRecord], [API.Records], [API.StartAsync]),
//     RESTlets ([API.RESTlet]) and certificates ([API.EnsureCertificate]),
//   - [ClientCredentials.TokenSource] for anything built on golang.org/x/oauth2,
//   - [ClientCredentials.Token] for a token.
//
// A program that acts for people uses [UserCredentials], which has the same doors, with the refresh token of a [CodeGrant].
// Whoever is handed a token by somebody else asks a [Verifier]. An old integration can be inspected with [TBA].
//
// What is promised:
//
//   - An account ID that was not written by NetSuite never chooses a host: every URL is built from a parsed [AccountID] and
//     checked again by [Site.Transport] as the last thing before the connection is made. No redirect is followed.
//   - One of many callers fetches a token, and each waits only as long as its own context. A new token reaches the Save hook
//     before it is used, and a refresh token that works once is never sent twice.
//   - The account is taken care of (see [Governor]): its concurrency limit, growing pauses, a rest when it is down, one more
//     try with a fresh token after 401. A POST that might be done twice is never repeated. An [API] literal with a Token
//     of your own makes each call exactly once instead.
//   - Secrets are of type [Secret], which cannot print itself; queries of URLs and secrets never enter an error.
//   - Everything NetSuite may refuse comes back as an [*Error] with NetSuite's own code, the next thing to try and the probable
//     causes, and can be told apart with errors.Is and the Err variables of this package.
//   - What a server, a browser or a person sends is bounded in size before it is read.
//
// Not here: a database. Several processes that share one refresh token need a lease around it, and one mint for all of them a
// place to share tokens; the suitekey server has both.
//
// Page numbers in comments such as H/section_158081952044 name pages of Oracle's help, at
// https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_158081952044.html.
package netsuite
