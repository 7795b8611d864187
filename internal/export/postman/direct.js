// The token comes from NetSuite itself, for an assertion that is signed here (client credentials).
const { enc, HmacSHA256, SHA256 } = require('crypto-js');
const words = (bytes) => enc.Hex.parse(bytes.map((b) => b.toString(16).padStart(2, '0')).join(''));
const bytes = (hash) => hash.toString().match(/../g).map((pair) => parseInt(pair, 16));
const sign = assertionSigner(
  (message) => bytes(SHA256(words(message))),
  (key, message) => bytes(HmacSHA256(words(message), words(key))),
);

let suitetalk, restlets, tokenURL, tokenFor;

function read() {
  const account = needed('account_id').toLowerCase().replace(/_/g, '-');
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(account)) throw new Error('account_id must be like 1234567_SB1, as Setup > Company > Company Information shows it.');
  suitetalk = address('suitetalk_url') || `https://${account}.suitetalk.api.netsuite.com`;
  restlets = address('restlets_url') || `https://${account}.restlets.api.netsuite.com`;
  tokenURL = `${suitetalk}/services/rest/auth/oauth2/v1/token`;
  tokenFor = [suitetalk, setting('client_id'), setting('certificate_id'), setting('scope')].join('|');
}

function privateKey() {
  try {
    return JSON.parse(needed('private_key_jwk'));
  } catch {
    throw new Error('private_key_jwk must be the whole content of the file that suitekey keys jwk made.'); // and nothing of it is told
  }
}

function assertion() {
  const now = Math.floor(Date.now() / 1000);
  return sign(privateKey(), needed('certificate_id'), {
    iss: needed('client_id'),
    scope: needed('scope').split(/[\s,]+/),
    aud: tokenURL,
    iat: now,
    exp: now + 300,
    jti: pm.variables.replaceIn('{{$guid}}'),
  });
}

// prepare is what the request Token needs.
const prepare = () => pm.variables.set('client_assertion', assertion());

const form = () => ({
  grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: assertion(),
});
const credentials = () => ({});
const addresses = () => ({ suitetalk, restlets });
