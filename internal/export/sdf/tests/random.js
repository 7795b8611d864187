/** A stub of N/crypto/random, which Oracle's package lacks. */
define([], () => ({ generateBytes: jest.fn(), generateInt: jest.fn(), generateUUID: jest.fn() }));
