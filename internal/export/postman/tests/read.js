status(200);
json('the customer that was asked for', (customer) => {
  pm.expect(String(customer.id)).to.equal(pm.environment.get('customer_id'));
  pm.expect(customer.entityId).to.be.a('string').that.is.not.empty;
});
