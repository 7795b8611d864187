status(200);
json('a bearer token for at least five minutes', (token) => {
  pm.expect(token.access_token).to.be.a('string').that.is.not.empty;
  pm.expect(token.token_type).to.match(/^bearer$/i);
  pm.expect(Number(token.expires_in)).to.be.within(300, 3600);
});
if (pm.response.code === 200) keep(pm.response.json());
