import gate from 'SuiteScripts/PROJECT/lib/gate';
import ids from 'SuiteScripts/PROJECT/lib/ids';
import cache from 'N/cache';
import crypto from 'N/crypto';
import cacheInstance from 'N/cache/instance';
import hmac from 'N/crypto/hmac';

jest.mock('N/cache');
jest.mock('N/cache/instance');
jest.mock('N/crypto');
jest.mock('N/crypto/hmac');
jest.mock('N/crypto/secretKey');

const NOW = 1795591771;
const SIGNATURE = 'ab'.repeat(32);
const [ADDRESS] = ids.addresses[0].split('/');

const request = (change) => Object.assign({
    method: 'POST',
    headers: { 'X-Suitekey-Timestamp': String(NOW), 'x-SUITEKEY-nonce': 'n'.repeat(22), 'X-Suitekey-Signature': SIGNATURE },
    parameters: { script: '1', deploy: '1', compid: '1234567', 'ns-at': 'x' },
    body: '',
    clientIpAddress: ADDRESS
}, change);

const headers = (change) => ({ headers: Object.assign({}, request().headers, change) });

beforeEach(() => {
    jest.clearAllMocks();
    cache.getCache.mockReturnValue(cacheInstance);
    cacheInstance.get.mockReturnValue(null);
    crypto.createHmac.mockReturnValue(hmac);
    hmac.digest.mockReturnValue(SIGNATURE.toUpperCase());
});

describe('the gate', () => {
    it('lets a signed request pass, once', () => {
        expect(gate.refuse(request(), NOW)).toBeNull();
        expect(hmac.update).toHaveBeenCalledWith(expect.objectContaining({ input: NOW + '\n' + 'n'.repeat(22) + '\n' }));
        expect(cacheInstance.put).toHaveBeenCalledWith(expect.objectContaining({ key: 'n'.repeat(22), ttl: 600 }));
        cacheInstance.get.mockReturnValue('1');
        expect(gate.refuse(request(), NOW)).toBe('replay');
    });

    it.each([
        ['method', { method: 'GET' }],
        ['address', { clientIpAddress: '198.51.100.1' }],
        ['address', { clientIpAddress: '' }],
        ['address', { clientIpAddress: ADDRESS + '.1' }],
        ['parameters', { parameters: { script: '1', deploy: '1', secret: 'x' } }],
        ['time', headers({ 'X-Suitekey-Timestamp': String(NOW - 301) })],
        ['time', headers({ 'X-Suitekey-Timestamp': String(NOW + 301) })],
        ['time', headers({ 'X-Suitekey-Timestamp': 'now' })],
        ['form', headers({ 'x-SUITEKEY-nonce': 'short' })],
        ['form', headers({ 'X-Suitekey-Signature': '' })],
        ['signature', headers({ 'X-Suitekey-Signature': 'cd'.repeat(32) })],
        ['signature', headers({ 'X-Suitekey-Signature': SIGNATURE.slice(0, 63) + 'c' })],
        ['time', headers({ 'x-suitekey-timestamp': String(NOW) })] // given twice
    ])('refuses by %s', (reason, change) => {
        expect(gate.refuse(request(change), NOW)).toBe(reason);
        expect(cacheInstance.put).not.toHaveBeenCalled();
    });
});
