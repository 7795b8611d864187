status(200);
json('a page of at most ten rows', (page) => {
  pm.expect(page.items).to.be.an('array').with.lengthOf(page.count);
  pm.expect(page.count).to.be.at.most(10);
  pm.expect(page.hasMore).to.be.a('boolean');
  for (const row of page.items) pm.expect(row).to.include.keys('id', 'companyname');
});
