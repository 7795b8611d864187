if (!pm.environment.get('restlet_script')) pm.execution.skipRequest();
