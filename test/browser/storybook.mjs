// Opens every screen of the storybook, light and dark, wide and narrow, lets axe judge it, and photographs it when asked.
// Input: {chromium, home, folder, cookies, screens: [{name, path, submits, fill, press, file}]}. A screen that submits is a button
// of the home page; one with press is what comes after filling the form by its labels and pressing the button.
// Output: [{name, look, wide, violations}].
import { join } from "node:path";
import { input, launch, output, violations } from "./chromium.mjs";

const order = await input();
const browser = await launch(order.chromium);
const widths = [{ width: 1000, height: 700, suffix: "" }, { width: 390, height: 844, suffix: "-390" }];
const report = [];

async function open(page, screen) {
  await page.setViewportSize(widths[0]);
  if (!screen.submits) {
    await page.goto(order.home + screen.path);
  } else {
    await page.goto(order.home);
    await page.getByRole("button", { name: screen.name, exact: true }).click();
  }
  await page.locator("main h1").waitFor();
  for (const { label, value, file } of screen.fill ?? []) await fill(page.getByLabel(label, { exact: true }), value, file);
  if (screen.press) {
    await page.getByRole("button", { name: screen.press, exact: true }).click();
    await page.waitForLoadState();
  }
}

async function fill(field, value, file) {
  if (file) return field.setInputFiles({ name: file, mimeType: "application/octet-stream", buffer: Buffer.from(value) });
  const [tag, type] = await field.evaluate((e) => [e.tagName, e.type]);
  if (tag === "SELECT") return field.selectOption({ label: value });
  return type === "checkbox" ? field.check() : field.fill(value);
}

async function judge(page, screen) {
  await open(page, screen);
  for (const { width, height, suffix } of widths) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      report.push({ name: screen.name, look: `${colorScheme}, ${width} px`, wide, violations: await violations(page) });
      if (order.folder && colorScheme === "light") {
        await page.screenshot({ path: join(order.folder, screen.file + suffix + ".png"), fullPage: true, animations: "disabled", scale: "css" });
      }
    }
  }
}

try {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC" });
  context.setDefaultTimeout(20000);
  await context.addCookies(order.cookies ?? []);
  const page = await context.newPage();
  for (const screen of order.screens) await judge(page, screen);
  output(report);
} finally {
  await browser.close();
}
