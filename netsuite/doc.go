// Package netsuite talks to Oracle NetSuite with OAuth 2.0: it obtains tokens, manages the certificates behind them and
// makes the few calls that an integration needs to prove that it is connected.
//
// Most programs want [ClientCredentials]: one struct literal, then Client(ctx) for an *http.Client that signs in by
// itself, TokenSource(ctx) for anything built on golang.org/x/oauth2, or Token(ctx) for a single token. A program that
// onboards customers uses [CodeGrant] for the person's consent, [GenerateKey] and [NewCertificate] for the key pair, and
// [API] to upload the certificate with the token of that consent.
//
// What is promised:
//
//   - An account ID that was not written by NetSuite never chooses a host: every URL is built from a parsed [AccountID] and
//     checked again by [Site.Transport] as the last thing before the connection is made.
//   - No redirect is followed, no request that NetSuite may have acted on is repeated, and each client authenticates in one
//     fixed way.
//   - Secrets are of type [Secret], which cannot print itself; queries of URLs and secrets never enter an error.
//   - Everything NetSuite may refuse comes back as an [*Error] with NetSuite's own code and the next thing to try, and can
//     be told apart with errors.Is and the Err variables of this package.
//   - What a server, a browser or a person sends is bounded in size before it is read.
//
// Whoever is handed one of NetSuite's tokens by somebody else asks [Verifier]; [ReadClaims] only reads what a token says of itself.
//
// Not here: storage, retries, rotation and the single owner of a refresh token; they need a database.
//
// Page numbers in comments such as H/section_158081952044 name pages of Oracle's help, at
// https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_158081952044.html.
package netsuite
