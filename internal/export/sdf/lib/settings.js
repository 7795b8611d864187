/**
 * What an administrator sets on the deployment: names and IDs, never a secret.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/runtime', './ids'],
    /**
     * @param {import('N/runtime')} runtime
     * @param {import('./ids')} ids
     */
    (runtime, ids) => {
        /** @param {string} name */
        const parameter = (name) => String(runtime.getCurrentScript().getParameter({ name: name }) || '').trim();

        /** The account as host names write it: 1234567_SB1 is 1234567-sb1. */
        const hostLabel = () => runtime.accountId.toLowerCase().replace(/_/g, '-');

        /** @returns {string} https://1234567.suitetalk.api.netsuite.com */
        const baseUrl = () => 'https://' + hostLabel() + '.suitetalk.api.netsuite.com';

        /**
         * Reads the settings of the running deployment.
         *
         * @returns {{certificate: string, keyId: string, clientId: string, scopes: string[], notify: string, tokenUrl: string}}
         * @throws {Error} that names what is missing
         */
        const read = () => {
            const settings = {
                certificate: parameter(ids.parameters.certificate),
                keyId: parameter(ids.parameters.keyId),
                clientId: parameter(ids.parameters.clientId),
                scopes: parameter(ids.parameters.scopes).split(/[\s,]+/).filter((scope) => scope !== ''),
                notify: parameter(ids.parameters.notify),
                tokenUrl: baseUrl() + '/services/rest/auth/oauth2/v1/token'
            };
            const missing = ['certificate', 'keyId', 'clientId'].filter((name) => settings[/** @type {'certificate'} */ (name)] === '');
            if (missing.length > 0) {
                throw new Error('Set on the script deployment, tab Parameters: ' + missing.map((name) => ids.parameters[/** @type {'certificate'} */ (name)]).join(', '));
            }
            return settings;
        };

        return { read: read, baseUrl: baseUrl };
    });
