/**
 * The newest token, in the cache for speed and in a custom record with an encrypted field for the time when the cache is empty.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/cache', 'N/record', 'N/search', './ids'],
    /**
     * @param {import('N/cache')} cache
     * @param {import('N/record')} record
     * @param {import('N/search')} search
     * @param {import('./ids')} ids
     */
    (cache, record, search, ids) => {
        /** NetSuite keeps nothing for less than five minutes. */
        const SHORTEST = 300;
        const KEY = 'token';

        const open = () => cache.getCache({ name: ids.cache, scope: cache.Scope.PROTECTED });

        /** Internal ID of the one record, or null. */
        const rowId = () => {
            const found = search.create({ type: ids.record }).run().getRange({ start: 0, end: 1 });
            return found.length > 0 ? found[0].id : null;
        };

        /** @returns {{accessToken: string, expiresAt: number}|null} expiresAt in seconds since 1970 */
        const fromRecord = () => {
            const id = rowId();
            if (id === null) {
                return null;
            }
            const row = record.load({ type: ids.record, id: id });
            const accessToken = String(row.getValue({ fieldId: ids.fields.token }) || '');
            return accessToken === '' ? null : { accessToken: accessToken, expiresAt: Number(row.getValue({ fieldId: ids.fields.expires })) };
        };

        /** @param {{accessToken: string, expiresAt: number}} token @param {number} now */
        const toCache = (token, now) => {
            const rest = Math.floor(token.expiresAt - now);
            if (rest >= SHORTEST) {
                open().put({ key: KEY, value: JSON.stringify(token), ttl: rest });
            }
        };

        /**
         * Returns the newest token, whatever is left of its life.
         *
         * @param {number} now in seconds since 1970
         * @returns {{accessToken: string, expiresAt: number}|null}
         */
        const read = (now) => {
            const cached = open().get({ key: KEY });
            if (cached) {
                return JSON.parse(cached);
            }
            const stored = fromRecord();
            if (stored !== null) {
                toCache(stored, now);
            }
            return stored;
        };

        /**
         * Keeps a token: first where it lasts, then where it is fast.
         *
         * @param {{accessToken: string, expiresAt: number}} token
         * @param {number} now in seconds since 1970
         */
        const write = (token, now) => {
            const id = rowId();
            const row = id === null ? record.create({ type: ids.record }) : record.load({ type: ids.record, id: id });
            row.setValue({ fieldId: 'name', value: KEY });
            row.setValue({ fieldId: ids.fields.token, value: token.accessToken });
            row.setValue({ fieldId: ids.fields.expires, value: String(token.expiresAt) });
            row.save();
            toCache(token, now);
        };

        return { read: read, write: write };
    });
