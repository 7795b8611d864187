// Keeps a token in the environment until five minutes before its end, with what it was asked for.
function keep(answer) {
  pm.environment.set('access_token', answer.access_token);
  pm.environment.set('access_token_until', String(Date.now() + 1000 * (Number(answer.expires_in) - 300)));
  pm.environment.set('access_token_for', pm.variables.get('token_for'));
  if (answer.netsuite_base_url) pm.environment.set('netsuite_base_url', answer.netsuite_base_url);
}
