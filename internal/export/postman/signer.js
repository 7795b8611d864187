// Signs assertions with a private JWK: ES256 with a P-256 key, PS256 with an RSA key (RFC 7518 sections 3.4 and 3.5).
//
// Postman's sandbox has no cryptography but the hashes of crypto-js, so the arithmetic stands here, on BigInt. Nothing in it is
// random, because random numbers of crypto-js come from Math.random there: the nonce of ECDSA is that of RFC 6979, and the salt of
// PSS is made from key and message. BigInt does not take constant time: sign where nobody else can measure the machine.
//
// The two hashes take and give arrays of bytes.
function assertionSigner(sha256, hmacSha256) {
  const toHex = (bytes) => bytes.map((b) => b.toString(16).padStart(2, '0')).join('');
  const toInt = (bytes) => BigInt('0x' + toHex(bytes));
  const toBytes = (n, size) => n.toString(16).padStart(2 * size, '0').match(/../g).map((pair) => parseInt(pair, 16));
  const ofText = (text) => Array.from(text, (c) => c.charCodeAt(0));
  const mod = (n, m) => ((n % m) + m) % m;

  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const bits = (n, width) => n.toString(2).padStart(width, '0');

  function base64url(bytes) {
    const sixes = bytes.map((b) => bits(b, 8)).join('').match(/.{1,6}/g);
    return sixes.map((six) => alphabet[parseInt(six.padEnd(6, '0'), 2)]).join('');
  }

  function fromBase64url(text) {
    if (!/^[\w-]+$/.test(text)) throw new Error('The private JWK is damaged.');
    const eights = Array.from(text, (c) => bits(alphabet.indexOf(c), 6)).join('').match(/.{8}/g);
    return eights.map((eight) => parseInt(eight, 2));
  }

  function power(base, exponent, m) {
    let result = 1n;
    for (const bit of exponent.toString(2)) {
      result = (result * result) % m;
      if (bit === '1') result = (result * base) % m;
    }
    return result;
  }

  // P-256 (SEC 2 section 2.4.2).
  const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const a = -3n;
  const b3 = 3n * 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const generator = [
    0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
    0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
    1n,
  ];

  // Adds points in projective coordinates. The formula has no exceptions: it doubles, and knows infinity (Renes, Costello and
  // Batina, "Complete addition formulas for prime order elliptic curves", 2015, section 3.1).
  function add([x1, y1, z1], [x2, y2, z2]) {
    const [xx, yy, zz] = [(x1 * x2) % p, (y1 * y2) % p, (z1 * z2) % p];
    const [xy, xz, yz] = [(x1 * y2 + x2 * y1) % p, (x1 * z2 + x2 * z1) % p, (y1 * z2 + y2 * z1) % p];
    const u = (a * xz + b3 * zz) % p;
    const v = (a * xx + b3 * xz - a * a * zz) % p;
    const w = 3n * xx + a * zz;
    return [(xy * (yy - u) - yz * v) % p, (w * v + (yy + u) * (yy - u)) % p, (yz * (yy + u) + xy * w) % p];
  }

  // Montgomery's ladder: one addition and one doubling for every bit, whatever its value.
  function multiply(point, k) {
    let [low, high] = [[0n, 1n, 0n], point];
    for (const bit of k.toString(2).padStart(256, '0')) {
      const sum = add(low, high);
      [low, high] = bit === '1' ? [sum, add(high, high)] : [add(low, low), sum];
    }
    return low;
  }

  const affineX = ([x, , z]) => mod(x * power(mod(z, p), p - 2n, p), p);

  // Calls attempt with the nonces of RFC 6979 section 3.2 until it returns a signature.
  function withNonce(d, hash, attempt) {
    const seed = [...toBytes(d, 32), ...toBytes(toInt(hash) % order, 32)];
    let [key, value] = [Array(32).fill(0), Array(32).fill(1)];
    const next = (...more) => {
      key = hmacSha256(key, [...value, ...more]);
      value = hmacSha256(key, value);
    };
    next(0, ...seed);
    next(1, ...seed);
    for (;;) {
      value = hmacSha256(key, value);
      const k = toInt(value);
      const signature = k > 0n && k < order && attempt(k);
      if (signature) return signature;
      next(0);
    }
  }

  function es256(jwk, message) {
    const d = toInt(fromBase64url(jwk.d));
    if (d === 0n || d >= order) throw new Error('The private key is no number of P-256.');
    const hash = sha256(message);
    return withNonce(d, hash, (k) => {
      const r = affineX(multiply(generator, k)) % order;
      const s = (power(k, order - 2n, order) * (toInt(hash) + r * d)) % order;
      return r && s && [...toBytes(r, 32), ...toBytes(s, 32)];
    });
  }

  // MGF1 of RFC 8017 appendix B.2.1.
  function mask(seed, size) {
    const bytes = [];
    for (let counter = 0; bytes.length < size; counter++) bytes.push(...sha256([...seed, ...toBytes(BigInt(counter), 4)]));
    return bytes.slice(0, size);
  }

  // RFC 8017 section 8.1.1, with EMSA-PSS-ENCODE of section 9.1.1. The salt is as long as the hash (RFC 7518 section 3.5).
  function ps256(jwk, message) {
    const n = toInt(fromBase64url(jwk.n));
    const d = fromBase64url(jwk.d);
    const length = n.toString(2).length - 1;
    const size = Math.ceil(length / 8);
    const hash = sha256(message);
    const salt = hmacSha256(d, [...ofText('PSS salt'), ...hash]);
    const h = sha256([...Array(8).fill(0), ...hash, ...salt]);
    const block = [...Array(size - 66).fill(0), 1, ...salt];
    const masked = mask(h, block.length).map((byte, i) => byte ^ block[i]);
    masked[0] &= 0xff >> (8 * size - length);
    return toBytes(power(toInt([...masked, ...h, 0xbc]), toInt(d), n), Math.ceil((length + 1) / 8));
  }

  function algorithm(jwk) {
    if (jwk.kty === 'EC' && jwk.crv === 'P-256' && jwk.d) return ['ES256', es256];
    if (jwk.kty === 'RSA' && jwk.n && jwk.d) return ['PS256', ps256];
    throw new Error('The key must be the private JWK of a P-256 or RSA key; suitekey keys jwk makes it from a key file.');
  }

  // The JWT of a key and its claims; kid is the certificate ID.
  return function sign(jwk, kid, claims) {
    const [alg, signature] = algorithm(jwk);
    const encode = (value) => base64url(ofText(JSON.stringify(value)));
    const signed = `${encode({ typ: 'JWT', alg, kid })}.${encode(claims)}`;
    return `${signed}.${base64url(signature(jwk, ofText(signed)))}`;
  };
}
