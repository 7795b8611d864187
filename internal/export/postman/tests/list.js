status(200);
json('a page of at most three links', (page) => {
  pm.expect(page.items).to.be.an('array').with.lengthOf(page.count);
  pm.expect(page.count).to.be.at.most(3);
  for (const item of page.items) pm.expect(item.links[0].href).to.match(/\/customer\/\d+$/);
  pm.environment.set('customer_id', page.count ? page.items[0].id : '');
});
