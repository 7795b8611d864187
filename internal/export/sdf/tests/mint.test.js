import mint from 'SuiteScripts/PROJECT/lib/mint';
import ids from 'SuiteScripts/PROJECT/lib/ids';
import cache from 'N/cache';
import cacheInstance from 'N/cache/instance';
import certificate from 'N/crypto/certificate';
import signer from 'N/crypto/certificate/signer';
import random from 'N/crypto/random';
import encode from 'N/encode';
import https from 'N/https';
import record from 'N/record';
import recordInstance from 'N/record/instance';
import runtime from 'N/runtime';
import script from 'N/runtime/script';
import search from 'N/search';
import searchInstance from 'N/search/instance';
import resultSet from 'N/search/resultSet';

jest.mock('N/cache');
jest.mock('N/cache/instance');
jest.mock('N/crypto/certificate');
jest.mock('N/crypto/certificate/signer');
jest.mock('N/encode');
jest.mock('N/https');
jest.mock('N/record');
jest.mock('N/record/instance');
jest.mock('N/runtime');
jest.mock('N/runtime/script');
jest.mock('N/search');
jest.mock('N/search/instance');
jest.mock('N/search/resultSet');

const parameters = () => ({
    [ids.parameters.certificate]: 'custcertificate_acme',
    [ids.parameters.keyId]: 'k'.repeat(43),
    [ids.parameters.clientId]: '1'.repeat(64),
    [ids.parameters.scopes]: 'rest_webservices, restlets'
});

beforeEach(() => {
    jest.clearAllMocks();
    cache.getCache.mockReturnValue(cacheInstance);
    cacheInstance.get.mockReturnValue(null);
    certificate.HashAlg = { SHA256: 'SHA256' };
    certificate.createSigner.mockReturnValue(signer);
    signer.sign.mockReturnValue('c2lnbmF0dXJl==');
    random.generateUUID.mockReturnValue('uuid');
    encode.convert.mockImplementation((o) => Buffer.from(o.string).toString('base64url') + '==');
    https.post.mockReturnValue({ code: 200, body: JSON.stringify({ access_token: 'secret-token', expires_in: '3600', token_type: 'bearer' }) });
    record.create.mockReturnValue(recordInstance);
    record.load.mockReturnValue(recordInstance);
    recordInstance.getValue.mockReturnValue('');
    runtime.accountId = '1234567_SB1';
    runtime.getCurrentScript.mockReturnValue(script);
    script.id = 'customscript_PROJECT_mint';
    script.getParameter.mockImplementation((o) => parameters()[o.name]);
    search.create.mockReturnValue(searchInstance);
    searchInstance.run.mockReturnValue(resultSet);
    resultSet.getRange.mockReturnValue([]);
});

const kept = (life) => cacheInstance.get.mockReturnValue(JSON.stringify({ accessToken: 'kept', expiresAt: mint.seconds() + life }));

describe('mint', () => {
    it('keeps a token that lives long enough', () => {
        kept(31 * 60);
        expect(mint.ensure(30 * 60)).toMatchObject({ minted: false, token: { accessToken: 'kept' } });
        expect(https.post).not.toHaveBeenCalled();
    });

    it('asks for one that does not, and keeps it before anybody gets it', () => {
        kept(29 * 60);
        const done = mint.ensure(30 * 60);
        expect(done).toMatchObject({ minted: true, token: { accessToken: 'secret-token' } });
        expect(done.token.expiresAt - mint.seconds()).toBeGreaterThan(3590);
        expect(recordInstance.save).toHaveBeenCalledTimes(1);
        expect(cacheInstance.put).toHaveBeenCalledWith(expect.objectContaining({ key: 'token' }));
        const sent = https.post.mock.calls[0][0];
        expect(sent.url).toBe('https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token');
        const [header, claims, signature] = new URLSearchParams(sent.body).get('client_assertion').split('.');
        expect(JSON.parse(Buffer.from(header, 'base64url'))).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'k'.repeat(43) });
        expect(JSON.parse(Buffer.from(claims, 'base64url'))).toMatchObject({ scope: ['rest_webservices', 'restlets'], aud: sent.url });
        expect(signature).toBe('c2lnbmF0dXJl');
        expect(signer.sign).toHaveBeenCalledWith(expect.objectContaining({ useRawFormatForECDSA: true }));
    });

    it('uses the record when the cache is empty', () => {
        resultSet.getRange.mockReturnValue([{ id: '7' }]);
        recordInstance.getValue.mockImplementation((o) => (o.fieldId === ids.fields.token ? 'stored' : String(mint.seconds() + 3000)));
        expect(mint.ensure(300)).toMatchObject({ minted: false, token: { accessToken: 'stored' } });
    });

    it.each([
        [{ code: 400, body: '{"error":"invalid_grant","error_description":"secret-token"}' }, 'answered 400 invalid_grant'],
        [{ code: 503, body: '<html>secret-token</html>' }, 'answered 503 an answer that is not JSON'],
        [{ code: 200, body: '{"token_type":"secret-token"}' }, '200 without a token']
    ])('fails without repeating the answer: %j', (answer, message) => {
        https.post.mockReturnValue(answer);
        expect(() => mint.ensure(300)).toThrow(message);
        expect(() => mint.ensure(300)).not.toThrow(/secret-token/);
        expect(recordInstance.save).not.toHaveBeenCalled();
    });

    it('names the parameters that are missing', () => {
        script.getParameter.mockReturnValue(null);
        expect(() => mint.ensure(300)).toThrow(ids.parameters.certificate);
        expect(https.post).not.toHaveBeenCalled();
    });
});
