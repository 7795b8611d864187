/**
 * Gets a token when the kept one is near its end.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/https', './assertion', './settings', './store'],
    /**
     * @param {import('N/https')} https
     * @param {import('./assertion')} assertion
     * @param {import('./settings')} settings
     * @param {import('./store')} store
     */
    (https, assertion, settings, store) => {
        const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

        const seconds = () => Math.floor(Date.now() / 1000);

        /** @param {string} body @returns {string} the OAuth error, which holds no secret; never the body itself */
        const errorOf = (body) => {
            try {
                const error = JSON.parse(body).error;
                return typeof error === 'string' ? error.replace(/[^A-Za-z0-9_]/g, '').slice(0, 40) : 'no error code';
            } catch (e) {
                return 'an answer that is not JSON';
            }
        };

        /** @param {number} now @returns {{accessToken: string, expiresAt: number}} */
        const request = (now) => {
            const s = settings.read();
            const answer = https.post({
                url: s.tokenUrl,
                headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' },
                body: [
                    'grant_type=client_credentials',
                    'client_assertion_type=' + encodeURIComponent(ASSERTION_TYPE),
                    'client_assertion=' + assertion.sign({
                        certificate: s.certificate, keyId: s.keyId, clientId: s.clientId, tokenUrl: s.tokenUrl, scopes: s.scopes, now: now
                    })
                ].join('&')
            });
            if (answer.code !== 200) {
                throw new Error('The token endpoint answered ' + answer.code + ' ' + errorOf(answer.body) + '. See the Login Audit Trail, column Detail.');
            }
            const token = JSON.parse(answer.body);
            const life = Number(token.expires_in); // comes as a number or as text
            if (typeof token.access_token !== 'string' || token.access_token === '' || !(life > 0)) {
                throw new Error('The token endpoint answered 200 without a token.');
            }
            return { accessToken: token.access_token, expiresAt: now + life };
        };

        /**
         * Returns a token that lives at least so long, from the store or from NetSuite.
         *
         * @param {number} least seconds
         * @returns {{token: {accessToken: string, expiresAt: number}, minted: boolean}}
         * @throws {Error} without the token and without the answer's body
         */
        const ensure = (least) => {
            const now = seconds();
            const kept = store.read(now);
            if (kept !== null && kept.expiresAt - now > least) {
                return { token: kept, minted: false };
            }
            const token = request(now);
            store.write(token, now);
            return { token: token, minted: true };
        };

        return { ensure: ensure, seconds: seconds };
    });
