if (!pm.environment.get('customer_id')) pm.execution.skipRequest(); // List has found none
