if (pm.environment.get('writes') !== 'yes') pm.execution.skipRequest(); // a whole run changes nothing unless it is told to
