status(200);
pm.test('no error of the script', () => pm.expect(pm.response.text()).to.not.match(/^\s*(\{\s*"error"\s*:|error code:)/));
