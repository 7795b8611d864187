// The token comes from a suitekey server, which keeps the key. Account and addresses come with it.
let tokenURL, tokenFor;

function read() {
  const server = address('server_url') || needed('server_url');
  tokenURL = `${server}/oauth2/token`;
  tokenFor = [server, setting('client_id'), setting('resource')].join('|');
}

// prepare is what the request Token needs. The values stand without the white space that files and the clipboard bring along.
function prepare() {
  for (const name of ['client_id', 'client_secret']) pm.variables.set(name, needed(name));
}

const form = () => ({ grant_type: 'client_credentials', ...(setting('resource') && { resource: setting('resource') }) });
const credentials = () => ({ Authorization: 'Basic ' + require('btoa')(`${needed('client_id')}:${needed('client_secret')}`) });

function addresses() {
  const suitetalk = address('suitetalk_url') || address('netsuite_base_url');
  return { suitetalk, restlets: address('restlets_url') || suitetalk.replace('.suitetalk.', '.restlets.') };
}
