/**
 * Gives the token to callers that are signed in to NetSuite already and may run this RESTlet.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', './lib/mint', './lib/settings'],
    /**
     * @param {import('N/log')} log
     * @param {import('N/runtime')} runtime
     * @param {import('./lib/mint')} mint
     * @param {import('./lib/settings')} settings
     */
    (log, runtime, mint, settings) => {
        /** Seconds that a token must still live to be given out. */
        const LEAST = 5 * 60;

        const get = () => {
            const done = mint.ensure(LEAST);
            log.audit({ title: 'token given', details: 'to user ' + runtime.getCurrentUser().id });
            return {
                access_token: done.token.accessToken,
                token_type: 'Bearer',
                expires_in: done.token.expiresAt - mint.seconds(),
                netsuite_account: runtime.accountId,
                netsuite_base_url: settings.baseUrl()
            };
        };

        return { get: get };
    });
