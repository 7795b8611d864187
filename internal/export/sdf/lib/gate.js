/**
 * Who may pass the Suitelet. It is open to the internet, so the caller proves itself by an HMAC over time, nonce and body with a secret
 * that NetSuite keeps, comes from an address on the list, within five minutes, and once.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/cache', 'N/crypto', 'N/encode', './ids'],
    /**
     * @param {import('N/cache')} cache
     * @param {import('N/crypto')} crypto
     * @param {import('N/encode')} encode
     * @param {import('./ids')} ids
     */
    (cache, crypto, encode, ids) => {
        /** Seconds by which the clocks may differ. */
        const WINDOW = 300;

        /**
         * Compares in time that does not depend on where two texts differ.
         *
         * @param {string} a
         * @param {string} b
         */
        const equal = (a, b) => {
            let difference = a.length ^ b.length;
            for (let i = 0; i < a.length; i++) {
                difference |= a.charCodeAt(i) ^ b.charCodeAt(i % Math.max(1, b.length));
            }
            return difference === 0;
        };

        /** @param {Record<string, string>} headers @param {string} name in lower case; NetSuite keeps the sender's case */
        const header = (headers, name) => {
            const found = Object.keys(headers).filter((key) => key.toLowerCase() === name);
            return found.length === 1 ? String(headers[found[0]]) : '';
        };

        /** @param {string} text @returns {number|null} an IPv4 address as a number */
        const ipv4 = (text) => {
            const parts = text.split('.');
            if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255)) {
                return null;
            }
            return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
        };

        /** @param {string} address @param {string} range 203.0.113.0/24 */
        const within = (address, range) => {
            const [base, bits] = range.split('/');
            const a = ipv4(address), b = ipv4(base);
            if (a === null || b === null) {
                return address === range;
            }
            const size = Math.pow(2, 32 - Number(bits === undefined ? 32 : bits));
            return Math.floor(a / size) === Math.floor(b / size);
        };

        /** @param {string} message @returns {string} lower-case hexadecimal */
        const mac = (message) => {
            const key = crypto.createSecretKey({ secret: ids.secret, encoding: encode.Encoding.UTF_8 });
            const hmac = crypto.createHmac({ algorithm: crypto.HashAlg.SHA256, key: key });
            hmac.update({ input: message, inputEncoding: encode.Encoding.UTF_8 });
            return String(hmac.digest({ outputEncoding: encode.Encoding.HEX })).toLowerCase();
        };

        /** @param {string} nonce @returns {boolean} true the first time */
        const first = (nonce) => {
            const seen = cache.getCache({ name: ids.cache + '_nonces', scope: cache.Scope.PROTECTED });
            if (seen.get({ key: nonce })) {
                return false;
            }
            seen.put({ key: nonce, value: '1', ttl: 2 * WINDOW });
            return true;
        };

        /**
         * Says why a request may not pass, or null.
         *
         * @param {{method: string, headers: Record<string, string>, parameters: Record<string, string>, body: string, clientIpAddress: string}} request
         * @param {number} now in seconds since 1970
         * @returns {string|null} for the log; callers are told nothing
         */
        const refuse = (request, now) => {
            const time = header(request.headers, 'x-suitekey-timestamp');
            const nonce = header(request.headers, 'x-suitekey-nonce');
            const signature = header(request.headers, 'x-suitekey-signature').toLowerCase();
            if (request.method !== 'POST') {
                return 'method';
            }
            if (!ids.addresses.some((range) => within(request.clientIpAddress, range))) {
                return 'address';
            }
            if (Object.keys(request.parameters).some((name) => ['script', 'deploy', 'compid', 'ns-at'].indexOf(name) < 0)) {
                return 'parameters';
            }
            if (!/^[0-9]{10}$/.test(time) || Math.abs(Number(time) - now) > WINDOW) {
                return 'time';
            }
            if (!/^[A-Za-z0-9_-]{22,64}$/.test(nonce) || !/^[0-9a-f]{64}$/.test(signature)) {
                return 'form';
            }
            if (!equal(mac(time + '\n' + nonce + '\n' + request.body), signature)) {
                return 'signature';
            }
            return first(nonce) ? null : 'replay';
        };

        return { refuse: refuse };
    });
