// Verifies one assertion with jsrsasign, which wants a PSS salt as long as the hash.
import jsrsasign from 'jsrsasign';
import { answer, input } from './stdin.mjs';

const key = jsrsasign.KEYUTIL.getKey(input.public_key); // SubjectPublicKeyInfo in PEM
answer(jsrsasign.KJUR.jws.JWS.verify(input.assertion, key, [input.alg]));
