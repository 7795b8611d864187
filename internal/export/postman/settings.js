const setting = (name) => String(pm.environment.get(name) ?? '').trim();

function needed(name) {
  if (!setting(name)) throw new Error(`Fill in ${name} in the environment, and choose that environment.`);
  return setting(name);
}

// An address with https; http leads to this machine alone, where an emulator may be.
function address(name) {
  const url = setting(name).replace(/\/+$/, '');
  if (url && !/^https:\/\/[^/?#@\\]+$|^http:\/\/(127\.0\.0\.1|([a-z0-9-]+\.)*localhost)(:\d+)?$/i.test(url)) {
    throw new Error(`${name} must be https:// and a host; http:// is for this machine alone.`);
  }
  return url;
}
