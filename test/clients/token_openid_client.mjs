// Takes a token with openid-client: metadata discovery, and the client's default authentication, which is the body form.
import * as client from 'openid-client';
import { answer, input } from './stdin.mjs';

const config = await client.discovery(new URL(input.server), input.client_id, input.client_secret, undefined, {
  algorithm: 'oauth2',
  execute: [client.allowInsecureRequests], // the server of the test speaks http on loopback
});
answer(await client.clientCredentialsGrant(config));
