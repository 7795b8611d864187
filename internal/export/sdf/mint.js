/**
 * Renews the token every quarter of an hour, so that whoever asks for it need not wait.
 *
 * @NApiVersion 2.1
 * @NScriptType ScheduledScript
 * @NModuleScope SameAccount
 */
define(['N/email', 'N/log', './lib/mint', './lib/settings'],
    /**
     * @param {import('N/email')} email
     * @param {import('N/log')} log
     * @param {import('./lib/mint')} mint
     * @param {import('./lib/settings')} settings
     */
    (email, log, mint, settings) => {
        /** Seconds that must be left for a token to stay: two runs may fail before anybody notices. */
        const ENOUGH = 30 * 60;

        /** @param {string} problem */
        const tell = (problem) => {
            const notify = settings.read().notify;
            if (notify === '') {
                return;
            }
            email.send({ author: Number(notify), recipients: [Number(notify)], subject: 'The NetSuite token could not be renewed', body: problem });
        };

        const execute = () => {
            try {
                const done = mint.ensure(ENOUGH);
                log.audit({
                    title: done.minted ? 'token renewed' : 'token kept',
                    details: 'good until ' + new Date(done.token.expiresAt * 1000).toISOString()
                });
            } catch (e) {
                const problem = e instanceof Error ? e.message : String(e);
                log.error({ title: 'token not renewed', details: problem });
                tell(problem);
                throw e; // the script's status shows it, too
            }
        };

        return { execute: execute };
    });
