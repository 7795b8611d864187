/**
 * Tells from inside the account what cannot be asked from outside: that this project is installed and released, and which features are on.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['N/runtime', 'N/suiteAppInfo', './lib/ids'],
    /**
     * @param {import('N/runtime')} runtime
     * @param {import('N/suiteAppInfo')} suiteAppInfo
     * @param {import('./lib/ids')} ids
     */
    (runtime, suiteAppInfo, ids) => {
        const FEATURES = ['OAUTH2', 'RESTWEBSERVICES', 'SERVERSIDESCRIPTING', 'CUSTOMRECORDS'];

        const get = () => {
            const user = runtime.getCurrentUser();
            /** @type {Record<string, boolean>} */
            const features = {};
            FEATURES.forEach((feature) => {
                features[feature] = runtime.isFeatureInEffect({ feature: /** @type {any} */ (feature) });
            });
            return {
                project: ids.project,
                version: ids.version,
                account: runtime.accountId,
                server_time: new Date().toISOString(),
                role: user.roleId,
                bundle_installed: ids.bundle === 0 ? null : suiteAppInfo.isBundleInstalled({ bundleId: ids.bundle }),
                features: features
            };
        };

        return { get: get };
    });
