// Runs one script of an exported project as NetSuite would: define() with the modules that it names. The modules are stand-ins, but what
// matters is real: N/https reaches the emulator, N/crypto/certificate signs with the private key of the store.
//
// stdin: {"project", "script", "entry", "argument", "state", "account", "emulator", "store": {custcertificate: PEM}, "secrets", "parameters", "scriptId"}
// stdout: {"result", "error", "log", "mail", "state", "response"}
import { createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import vm from 'node:vm';

const input = JSON.parse(readFileSync(0, 'utf8'));
const state = input.state ?? { cache: {}, records: {}, next: 1 };
const log = [], mail = [];

const refuse = (name) => { throw Object.assign(new Error(name), { name }); };

const encode = {
  Encoding: { UTF_8: 'UTF_8', HEX: 'HEX', BASE_64: 'BASE_64', BASE_64_URL_SAFE: 'BASE_64_URL_SAFE' },
  convert: ({ string, inputEncoding, outputEncoding }) => encoded(Buffer.from(string, nodeEncoding(inputEncoding)), outputEncoding),
};
function nodeEncoding(name) {
  return { UTF_8: 'utf8', HEX: 'hex', BASE_64: 'base64', BASE_64_URL_SAFE: 'base64url' }[name] ?? refuse('INVALID_ENCODING');
}
// NetSuite pads its URL-safe base64.
function encoded(buffer, encoding) {
  const text = buffer.toString(nodeEncoding(encoding));
  return encoding === 'BASE_64_URL_SAFE' ? text + '='.repeat((4 - (text.length % 4)) % 4) : text;
}

const certificate = {
  HashAlg: { SHA256: 'SHA256', SHA384: 'SHA384', SHA512: 'SHA512' },
  createSigner({ certId, algorithm }) {
    const key = createPrivateKey(input.store[certId] ?? refuse('INVALID_CERTIFICATE_ID'));
    let text = '';
    return {
      update: ({ input: more }) => { text += more; },
      // ECDSA comes in the form of ASN.1 unless asked for raw (OH/section_1547244059); a plain RSA key would sign PKCS #1 v1.5.
      sign: ({ outputEncoding = 'BASE_64', useRawFormatForECDSA = false } = {}) =>
        encoded(sign(algorithm, Buffer.from(text), { key, dsaEncoding: useRawFormatForECDSA ? 'ieee-p1363' : 'der' }), outputEncoding),
    };
  },
};

const crypto = {
  HashAlg: { SHA256: 'SHA256' },
  createSecretKey: ({ secret }) => ({ text: input.secrets[secret] ?? refuse('INVALID_SECRET') }),
  createHmac({ algorithm, key }) {
    const mac = createHmac(algorithm, key.text);
    return { update: ({ input: more }) => { mac.update(more); }, digest: ({ outputEncoding }) => encoded(mac.digest(), outputEncoding).toUpperCase() };
  },
};

// The account's own names lead to the emulator, which answers by the Host header. SuiteScript waits for its answer, and so does curl.
const https = {
  post({ url, headers, body }) {
    const u = new URL(url);
    if (u.protocol !== 'https:' || !u.hostname.endsWith('.netsuite.com')) refuse('SSS_INVALID_URL');
    const args = ['-s', '-o', '-', '-w', '\n%{http_code}', '-X', 'POST', '-H', `Host: ${u.hostname}`, '--data-binary', '@-'];
    for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
    const out = execFileSync('curl', [...args, `http://${input.emulator}${u.pathname}${u.search}`], { input: body, encoding: 'utf8' });
    const at = out.lastIndexOf('\n');
    return { code: Number(out.slice(at + 1)), body: out.slice(0, at), headers: {} };
  },
};

const cache = {
  Scope: { PRIVATE: 'PRIVATE', PROTECTED: 'PROTECTED', PUBLIC: 'PUBLIC' },
  getCache({ name, scope }) {
    if (scope !== 'PROTECTED') refuse('scope ' + scope);
    const kept = (state.cache[name] ??= {});
    return {
      get: ({ key }) => kept[key] ?? null,
      put({ key, value, ttl }) {
        if (!(ttl >= 300)) refuse('SSS_INVALID_TTL');
        kept[key] = value;
      },
    };
  },
};

const handle = (type, id, values) => ({
  getValue: ({ fieldId }) => values[fieldId] ?? '',
  setValue: ({ fieldId, value }) => { values[fieldId] = value; },
  save: () => { (state.records[type] ??= {})[id] = values; return id; },
});
const record = {
  create: ({ type }) => handle(type, String(state.next++), {}),
  load: ({ type, id }) => handle(type, id, { ...(state.records[type]?.[id] ?? refuse('RCRD_DSNT_EXIST')) }),
};
const search = {
  create: ({ type }) => ({ run: () => ({ getRange: ({ start, end }) => Object.keys(state.records[type] ?? {}).slice(start, end).map((id) => ({ id })) }) }),
};

const write = (level) => ({ title, details }) => { log.push(`${level} ${title}: ${details ?? ''}`); };
const modules = {
  'N/cache': cache, 'N/crypto': crypto, 'N/crypto/certificate': certificate, 'N/crypto/random': { generateUUID: randomUUID }, 'N/encode': encode, 'N/https': https,
  'N/email': { send: (message) => { mail.push(message); } },
  'N/log': { audit: write('AUDIT'), error: write('ERROR'), debug: write('DEBUG') },
  'N/record': record, 'N/search': search,
  'N/runtime': {
    accountId: input.account,
    getCurrentScript: () => ({ id: input.scriptId, getParameter: ({ name }) => input.parameters[name] ?? null }),
    getCurrentUser: () => ({ id: 7, roleId: 'customrole_acme_sync' }),
    isFeatureInEffect: ({ feature }) => feature !== 'CRM',
  },
  'N/suiteAppInfo': { isBundleInstalled: ({ bundleId }) => bundleId === 123456 },
};

const loaded = {};
function load(file) {
  if (loaded[file]) return loaded[file];
  let exported;
  const define = (names, factory) => {
    exported = factory(...names.map((name) => (name.startsWith('.') ? load(join(dirname(file), name) + '.js') : modules[name] ?? refuse('MODULE_DOES_NOT_EXIST ' + name))));
  };
  vm.runInNewContext(readFileSync(file, 'utf8'), { define }, { filename: file });
  return (loaded[file] = exported);
}

const response = { headers: {}, body: '', setHeader: ({ name, value }) => { response.headers[name] = value; }, write: ({ output }) => { response.body += output; } };
let result = null, error = null;
try {
  const argument = input.entry === 'onRequest' ? { request: input.argument, response } : input.argument;
  result = load(join(input.project, 'src/FileCabinet/SuiteScripts', input.script))[input.entry](argument) ?? null;
} catch (e) {
  error = String(e.message ?? e);
}
process.stdout.write(JSON.stringify({ result, error, log, mail, state, response }));
