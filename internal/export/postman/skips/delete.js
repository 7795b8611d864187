if (!pm.environment.get('created_customer_id')) pm.execution.skipRequest(); // Create has made none: never another one
