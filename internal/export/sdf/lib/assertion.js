/**
 * The client assertion (RFC 7523) with which this account asks itself for a token.
 *
 * The private key stays in NetSuite's certificate store. It must be an EC key on P-256: its kind decides the signature, and ES256 is what
 * the token endpoint takes. A plain RSA key would sign RS256, which NetSuite has refused since March 2025.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/crypto/certificate', 'N/crypto/random', 'N/encode'],
    /**
     * @param {import('N/crypto/certificate')} certificate
     * @param {import('N/crypto/random')} random
     * @param {import('N/encode')} encode
     */
    (certificate, random, encode) => {
        /** Seconds that an assertion lives; NetSuite takes up to 3600. */
        const LIFE = 300;

        /** @param {string} text without padding, as RFC 7515 has it */
        const unpadded = (text) => text.replace(/=+$/, '');

        /** @param {object} value */
        const segment = (value) => unpadded(encode.convert({
            string: JSON.stringify(value),
            inputEncoding: encode.Encoding.UTF_8,
            outputEncoding: encode.Encoding.BASE_64_URL_SAFE
        }));

        /**
         * Makes a signed assertion.
         *
         * @param {object} options
         * @param {string} options.certificate script ID of the certificate in the store, custcertificate...
         * @param {string} options.keyId ID under which the M2M set-up lists the certificate, 43 characters
         * @param {string} options.clientId of the integration record
         * @param {string} options.tokenUrl of this account
         * @param {string[]} options.scopes
         * @param {number} options.now in seconds since 1970
         * @returns {string}
         */
        const sign = (options) => {
            const input = segment({ alg: 'ES256', typ: 'JWT', kid: options.keyId }) + '.' + segment({
                iss: options.clientId,
                scope: options.scopes,
                aud: options.tokenUrl,
                iat: options.now,
                exp: options.now + LIFE,
                jti: random.generateUUID()
            });
            const signer = certificate.createSigner({ certId: options.certificate, algorithm: certificate.HashAlg.SHA256 });
            signer.update({ input: input });
            // A JWT wants r and s as they are (RFC 7518 section 3.4), and not in the form of ASN.1.
            return input + '.' + unpadded(signer.sign({ outputEncoding: encode.Encoding.BASE_64_URL_SAFE, useRawFormatForECDSA: true }));
        };

        return { sign: sign };
    });
