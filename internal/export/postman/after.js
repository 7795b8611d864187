// A token that NetSuite no longer takes is forgotten; the next request fetches a new one.
if (pm.response.code === 401) pm.environment.set('access_token', '');
