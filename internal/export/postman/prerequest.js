// Before every request: the account's addresses, and a token that is good for five minutes more.
function ready() {
  const { suitetalk, restlets } = addresses();
  pm.variables.set('suitetalk_url', suitetalk);
  pm.variables.set('restlets_url', restlets);
}

// Says why there is no token, as a test that fails, and keeps the request from leaving without one.
function stop(why) {
  pm.test('there is a token', () => pm.expect.fail(why));
  pm.execution.skipRequest();
}

function refusal(response) {
  const behind = Math.round((new Date(response.headers.get('Date')) - Date.now()) / 1000);
  const clock = Math.abs(behind) > 60 ? ` The clock of this machine differs from the server's by ${Math.abs(behind)} seconds; set it right.` : '';
  return `No token: ${response.code} ${response.text().slice(0, 500)}.${clock} See the description of the request Token.`;
}

function fetchToken() {
  const body = { mode: 'urlencoded', urlencoded: Object.entries(form()).map(([key, value]) => ({ key, value })) };
  pm.sendRequest({ url: tokenURL, method: 'POST', header: credentials(), body }, (error, response) => {
    if (error) return stop(`No token: ${tokenURL} cannot be reached (${error.message ?? error.code}).`);
    if (response.code !== 200) return stop(refusal(response));
    keep(response.json());
    ready();
  });
}

function main() {
  read();
  pm.variables.set('token_url', tokenURL);
  pm.variables.set('token_for', tokenFor);
  const valid = setting('access_token') && setting('access_token_for') === tokenFor && Date.now() < Number(setting('access_token_until'));
  if (pm.variables.replaceIn(pm.request.url.toString()) === tokenURL) prepare();
  else if (valid) ready();
  else fetchToken();
}

try {
  main();
} catch (error) {
  stop(error.message);
}
