// What both browser programs need: Chromium, axe, and one JSON document in and out.
import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

export const input = async () => JSON.parse(await text(process.stdin));
export const output = (report) => process.stdout.write(JSON.stringify(report));

export const launch = (executablePath) =>
  chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

// violations lists what axe finds on the page, one line per broken rule.
export async function violations(page) {
  const { violations: broken } = await new AxeBuilder({ page }).withTags(tags).setLegacyMode().analyze();
  return broken.map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.map((n) => n.target.join(" ")).join(", ")}`);
}
