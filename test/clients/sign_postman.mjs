// Signs assertions with the script that the Postman collection carries. The sandbox has the hashes of crypto-js, Node its own.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { answer, input } from './stdin.mjs';

const source = readFileSync('../../internal/export/postman/signer.js', 'utf8');
const assertionSigner = new Function(`${source}; return assertionSigner;`)();
const sign = assertionSigner(
  (message) => [...createHash('sha256').update(Buffer.from(message)).digest()],
  (key, message) => [...createHmac('sha256', Buffer.from(key)).update(Buffer.from(message)).digest()],
);

answer(Array.from({ length: input.count }, (_, i) => sign(JSON.parse(input.jwk), 'a-certificate_ID', { iss: 'c'.repeat(i), iat: i })));
