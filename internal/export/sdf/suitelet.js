/**
 * Gives the token to callers that are not signed in to NetSuite. Oracle discourages such Suitelets for integrations, and the Built for
 * NetSuite standards forbid them: read the README before you deploy it.
 *
 * @NApiVersion 2.1
 * @NScriptType Suitelet
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', './lib/gate', './lib/mint', './lib/settings'],
    /**
     * @param {import('N/log')} log
     * @param {import('N/runtime')} runtime
     * @param {import('./lib/gate')} gate
     * @param {import('./lib/mint')} mint
     * @param {import('./lib/settings')} settings
     */
    (log, runtime, gate, mint, settings) => {
        const LEAST = 5 * 60;

        /** @param {import('N/types').EntryPoints.Suitelet.onRequestContext} context */
        const onRequest = (context) => {
            const answer = (/** @type {object} */ value) => {
                context.response.setHeader({ name: 'Content-Type', value: 'application/json' });
                context.response.setHeader({ name: 'Cache-Control', value: 'no-store' });
                context.response.write({ output: JSON.stringify(value) });
            };
            const request = context.request;
            const reason = gate.refuse({
                method: String(request.method), headers: request.headers, parameters: request.parameters, body: request.body || '', clientIpAddress: request.clientIpAddress
            }, mint.seconds());
            if (reason !== null) {
                log.audit({ title: 'token refused', details: reason + ', from ' + request.clientIpAddress });
                answer({ error: 'access_denied' }); // a Suitelet answers 200 whatever happens: read the JSON
                return;
            }
            try {
                const done = mint.ensure(LEAST);
                log.audit({ title: 'token given', details: 'to ' + request.clientIpAddress });
                answer({
                    access_token: done.token.accessToken, token_type: 'Bearer', expires_in: done.token.expiresAt - mint.seconds(),
                    netsuite_account: runtime.accountId, netsuite_base_url: settings.baseUrl()
                });
            } catch (e) {
                log.error({ title: 'token not given', details: e instanceof Error ? e.message : String(e) });
                answer({ error: 'temporarily_unavailable' });
            }
        };

        return { onRequest: onRequest };
    });
