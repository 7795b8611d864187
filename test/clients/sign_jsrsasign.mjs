// Signs assertions with jsrsasign. The caller chooses every header and claim.
import jsrsasign from 'jsrsasign';
import { answer, input } from './stdin.mjs';

const key = jsrsasign.KEYUTIL.getKey(input.key); // PKCS #8 in PEM
answer(input.assertions.map(({ header, claims }) =>
  jsrsasign.KJUR.jws.JWS.sign(header.alg, JSON.stringify(header), JSON.stringify(claims), key)));
