package export

// What the collection says to its reader, in Markdown.

var collectionDescriptions = map[Via]string{
	ViaBroker: `Calls NetSuite with tokens of a suitekey server. No key comes near Postman.

1. Import this file and the environment beside it, and choose the environment.
2. Put the client secret into the current value of client_secret, which Postman keeps on this machine. Never into a shared value.
3. Send Token, then any other request. A token is fetched by itself when there is none for five minutes more.

Whoever has the environment's current values can act in NetSuite. Do not export it with them.`,

	ViaDirect: `Calls NetSuite with tokens that it takes itself, by client credentials: the script of the collection signs an assertion with your key (ES256 for a P-256 key, PS256 for an RSA key).

1. Import this file and the environment beside it, and choose the environment.
2. Make the key's JWK with: suitekey keys jwk --in acme.key --out acme.jwk. Put the content of acme.jwk into the current value of private_key_jwk, which Postman keeps on this machine, and delete the file. Never into a shared value.
3. Fill in certificate_id if it is empty.
4. Send Token, then any other request. A token is fetched by itself when there is none for five minutes more.

Scripts of Postman cannot sign in constant time. Use a key of its own for Postman, with a role that may do little, and sign on a machine of your own. With a suitekey server, take the collection "via broker" instead: then the key stays there.

Whoever has the environment's current values can act in NetSuite. Do not export it with them.`,
}

var tokenDescriptions = map[Via]string{
	ViaBroker: `Asks the suitekey server for a token of the connection.

| Answer | Means | Do |
|---|---|---|
| 401 invalid_client | ID or secret is wrong, or the client was revoked | compare with suitekey client list |
| 400 invalid_grant | the connection does not work | the answer's error_description says who must do what |
| 400 invalid_request, resource | the client has several connections | put the netsuite_base_url of one into resource |
| 503 | NetSuite or the database is away | wait as long as Retry-After says |`,

	ViaDirect: `Presents a signed assertion to NetSuite's token endpoint.

| Answer | Means | Do |
|---|---|---|
| 400 invalid_request | the assertion is not in order: clock, account ID | set the clock of this machine, compare account_id with Setup > Company > Company Information |
| 400 invalid_grant, 401 invalid_client | the certificate is unknown, revoked or expired, belongs to another key or another integration record; after the refresh of a sandbox all are unknown | compare certificate_id with Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup |
| 400 unauthorized_client | the integration record is blocked, or Client Credentials is not checked in it | Setup > Integration > Manage Integrations |
| 400 invalid_scope | a scope is not checked in the integration record | compare scope with the record |

The reason behind a refusal stands in Setup > Users/Roles > User Management > View Login Audit Trail, column Detail.`,
}

const (
	serverTimeDescription = `The cheapest question that needs a token: it needs no permission.

- 401: the token ended or was revoked. Send the request again; a new one is fetched.
- The clocks differ: set the clock of this machine, or assertions will be refused.`

	suiteQLDescription = `Asks for ten customers. The header Prefer: transient is required.

- 400 INVALID_PARAMETER: the query has a mistake, or names something that the role cannot see; the detail says which.
- 403: the role lacks SuiteAnalytics Workbook or REST Web Services.
- 429: the account's concurrency limit is reached; wait a little.`

	listDescription = `Three customers, by their links. The first one's ID is kept in customer_id.

- 403: the role lacks REST Web Services, or the permission Customers.
- 404: the feature REST Web Services is off (Setup > Company > Enable Features > SuiteCloud).`

	readDescription = `The customer whose ID is in customer_id; left out when it is empty.

- 404: there is no such customer.`

	restletDescription = `Calls the RESTlet that restlet_script and restlet_deploy name by their script IDs; left out when restlet_script is empty.

- 401: the token has no scope restlets, or the role is for web services only.
- 404: there is no such script or deployment.
- 400 SSS_REQUEST_LIMIT_EXCEEDED: the account's concurrency limit is reached; wait a little.
- another 400: the script failed; its execution log says why.`

	writeDescription = `Requests that change something. They are left out until the variable writes is yes, so that a run of the whole collection never changes a production account by accident.`

	createDescription = `Makes a customer and keeps its ID in created_customer_id.

- 400 INVALID_CONTENT: the account demands more fields, or has no subsidiaries (leave subsidiary out then).
- 403: the role lacks the level Create of the permission Customers.`

	deleteDescription = `Deletes the customer that Create a customer has made, and no other.

- 403: the role lacks the level Full of the permission Customers. Delete it by hand.
- 404: it is gone already; empty created_customer_id.`
)
