// What was answered, for the message of a test that fails.
const answered = () => `${pm.response.code} ${pm.response.text().slice(0, 500)}`;
const status = (code) => pm.test(`status ${code}`, () => pm.expect(pm.response.code, answered()).to.equal(code));
const json = (what, check) => pm.test(what, () => check(pm.response.json()));
