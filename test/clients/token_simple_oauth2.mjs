// Takes a token with simple-oauth2, which knows no discovery and sends Basic authentication.
import { ClientCredentials } from 'simple-oauth2';
import { answer, input } from './stdin.mjs';

const client = new ClientCredentials({
  client: { id: input.client_id, secret: input.client_secret },
  auth: { tokenHost: input.server, tokenPath: '/oauth2/token' },
});
const { token } = await client.getToken({});
answer(token);
