// Takes a token with oauth4webapi and Basic authentication.
import * as oauth from 'oauth4webapi';
import { answer, input } from './stdin.mjs';

const insecure = { [oauth.allowInsecureRequests]: true }; // the server of the test speaks http on loopback
const issuer = new URL(input.server);
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
const server = await oauth.processDiscoveryResponse(issuer, found);
const client = { client_id: input.client_id };
const response = await oauth.clientCredentialsGrantRequest(
  server, client, oauth.ClientSecretBasic(input.client_secret), new URLSearchParams(), insecure,
);
answer(await oauth.processClientCredentialsResponse(server, client, response));
