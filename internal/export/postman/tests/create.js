status(204);
pm.test('the address of the new customer', () => {
  const location = pm.response.headers.get('Location');
  pm.expect(location).to.match(/\/customer\/\d+$/);
  pm.environment.set('created_customer_id', location.split('/').pop());
});
