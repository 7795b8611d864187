// Walks through the wizard as an administrator does, from the link to "Connected", and reports what each screen was like and
// everything the browser asked for. Input and output are one JSON document; browser_test.go judges.
import { input, launch, output, violations } from "./chromium.mjs";

const order = await input();
const browser = await launch(order.chromium);
const context = await browser.newContext({
  viewport: { width: order.width, height: order.height },
  javaScriptEnabled: order.scripts,
  reducedMotion: "reduce",
});
context.setDefaultTimeout(20000);

const report = { screens: [], requests: [], history: [], cookies: [] };

// Every request, with the headers as they were sent and the answer's.
const pending = [];
context.on("response", (response) => pending.push(note(response)));
async function note(response) {
  const request = response.request();
  const line = { url: request.url(), method: request.method(), status: response.status() };
  line.page = request.isNavigationRequest() ? "" : request.frame().url(); // the page that asks for a part of itself
  report.requests.push(line); // before the first await: in the order of the answers
  const [sent, received] = await Promise.all([request.allHeaders(), response.allHeaders()]);
  line.referer = sent.referer ?? "";
  line.cache = received["cache-control"] ?? "";
  line.location = received.location ?? "";
}

// look notes what a screen of ours is like.
async function look(page, name) {
  await page.locator("h1").waitFor();
  const html = await page.content();
  const found = order.scripts ? await inspect(page) : await inTwin(page, inspect);
  report.screens.push({ name, url: page.url(), html, ...found });
}

// inTwin opens the same page in a browser with scripts on, since axe is a script itself.
async function inTwin(page, work) {
  const twin = await browser.newContext({
    viewport: page.viewportSize(), reducedMotion: "reduce", storageState: await context.storageState(),
  });
  const copy = await twin.newPage();
  await copy.goto(page.url());
  const found = await work(copy);
  await twin.close();
  return found;
}

async function inspect(page) {
  const seen = await page.evaluate(async () => ({
    headings: document.querySelectorAll("h1").length,
    focused: document.activeElement?.tagName ?? "",
    current: document.querySelector("[aria-current=step]")?.textContent ?? "",
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    resources: performance.getEntriesByType("resource").map((r) => r.name),
    stored: [
      ...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie,
      ...(await caches.keys()), ...(await indexedDB.databases()).map((d) => d.name),
    ].filter(Boolean),
  }));
  return { ...seen, violations: await violations(page) };
}

// hand is how the person works: with the mouse, or with the keyboard alone.
const mouse = {
  press: (target) => target.click(),
  fill: (target, words) => target.fill(words),
  choose: (target, label) => target.selectOption({ label }),
};
const keyboard = {
  async press(target, key = "Enter") {
    await tabTo(target);
    await target.page().keyboard.press(key);
  },
  async fill(target, words) {
    await tabTo(target);
    await target.page().keyboard.type(words);
  },
  async choose(target, label) {
    await tabTo(target);
    await target.page().keyboard.type(label);
  },
};
async function tabTo(target) {
  await target.waitFor();
  for (let stops = 0; stops < 100; stops++) {
    if (await target.evaluate((control) => control === document.activeElement)) return;
    await target.page().keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${target} on ${target.page().url()}`);
}
const hand = order.keyboard ? keyboard : mouse;

const ours = (url) => url.origin === order.home;
const button = (page, name) => page.getByRole("button", { name, exact: true });

// logIn answers NetSuite's log-in pages, as far as they come.
async function logIn(page) {
  if (await page.locator("#password").count()) {
    await hand.fill(page.locator("#email"), order.email);
    await hand.fill(page.locator("#password"), "any password will do");
    await hand.press(button(page, "Log in"));
    await page.locator("#password").waitFor({ state: "detached" });
    await page.waitForLoadState();
  }
  if (await page.locator("#company").count()) {
    await hand.choose(page.locator("#company"), order.company);
    await hand.press(button(page, "Continue"));
    await page.locator("#company").waitFor({ state: "detached" });
    await page.waitForLoadState();
  }
}

async function consent(page) {
  await page.goto(order.link);
  await look(page, "Welcome");
  await hand.press(button(page, "Continue to NetSuite"));
  await page.waitForURL((url) => !ours(url));
  await logIn(page);
  await page.getByRole("heading", { name: /^(Choose a role|Allow )/ }).waitFor();
  if (await page.locator("#role").count()) { // NetSuite asks a person who has several
    await hand.choose(page.locator("#role"), "Administrator");
    await hand.press(button(page, "Continue"));
  }
  await hand.press(button(page, "Allow"));
  await page.waitForURL(ours);
}

// inNewTab follows one of the page's links to NetSuite, and comes back when the work there is done.
async function inNewTab(page, link, work) {
  const opened = context.waitForEvent("page");
  await hand.press(link);
  const tab = await opened;
  await tab.waitForLoadState();
  await logIn(tab);
  await work(tab);
  await tab.close();
  await page.bringToFront();
}

async function installBundle(tab) {
  await hand.press(button(tab, "Install"));
  await tab.locator("[data-bundle-state=installed]").waitFor();
}

async function giveRole(tab) {
  await hand.press(tab.getByRole("link", { name: order.integrationUser }));
  await hand.choose(tab.locator("#role"), order.role);
  await hand.press(button(tab, "Save"));
  await button(tab, `Remove ${order.role}`).waitFor();
}

// comes waits until the page shows something. With scripts on it notices by itself; else the person asks again.
async function comes(page, target) {
  if (order.scripts) return target.waitFor();
  for (let asked = 0; asked < 20; asked++) {
    if (await target.count()) return;
    const again = button(page, "Check again");
    if (await again.count()) await hand.press(again);
    await target.waitFor({ timeout: 4000 }).catch(() => {}); // a page that waits reloads itself after three seconds
  }
  throw new Error(`${target} does not come; the page says: ${await page.locator("main").innerText()}`);
}

async function walk(page) {
  await consent(page);
  const bundle = page.locator("a[href*='bundledetails.nl']");
  await comes(page, bundle);
  await look(page, "Prepare: the bundle");
  if (order.picture) await page.screenshot({ path: order.picture, fullPage: true, animations: "disabled" });
  await inNewTab(page, bundle, installBundle);

  const employees = page.locator("a[href*='employeelist.nl']");
  await comes(page, employees);
  await look(page, "Prepare: the role");
  await inNewTab(page, employees, giveRole);

  await comes(page, page.getByRole("heading", { name: "Connected", exact: true }));
  await look(page, "Connected");
  await hand.press(page.getByRole("link", { name: /^See the .*calls? we made$/ }));
  await page.waitForURL("**/receipt");
  await look(page, "Receipt");
}

const page = await context.newPage();
try {
  await walk(page);
  const session = await context.newCDPSession(page);
  report.history = (await session.send("Page.getNavigationHistory")).entries.map((e) => e.url);
  report.cookies = (await context.cookies(order.home)).map(({ name, httpOnly, sameSite, value }) => ({ name, httpOnly, sameSite, value }));
  await Promise.allSettled(pending);
  output(report);
} catch (err) {
  console.error(err, "\nat", page.url(), "\n", await page.locator("body").innerText().catch(() => ""));
  process.exitCode = 1;
} finally {
  await browser.close();
}
