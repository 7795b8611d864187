status(200);
json('the clocks agree within five minutes', ({ serverTime }) => {
  pm.expect(Math.abs(new Date(serverTime) - Date.now()), `NetSuite's clock shows ${serverTime}`).to.be.below(300000);
});
