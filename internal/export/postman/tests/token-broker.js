json('of the account that is expected', (token) => {
  pm.expect(token.netsuite_base_url).to.match(/^https?:\/\/[^/]+\.suitetalk\.[^/]+$/);
  const expected = String(pm.environment.get('account_id') ?? '').trim().toUpperCase().replace(/-/g, '_');
  if (expected) pm.expect(token.netsuite_account).to.equal(expected);
});
