status(204);
if (pm.response.code === 204) pm.environment.set('created_customer_id', '');
