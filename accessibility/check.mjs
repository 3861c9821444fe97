// Looks at the daily report in Chromium as its readers would: on a desk and on a phone, in light and in darkness.
//
//   node check.mjs PAGE [FOLDER]
//
// Fails if axe finds anything, or if the page is wider than the screen. Screenshots go into the folder, if one is given.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENS = [
  { name: "desk", width: 1280, height: 1500, deviceScaleFactor: 1 },
  { name: "phone", width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];

const [page, folder] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
let problems = 0;
try {
  for (const screen of SCREENS) {
    for (const scheme of SCHEMES) problems += await look(screen, scheme);
  }
} finally {
  await browser.close();
}
process.exitCode = problems ? 1 : 0;

async function look(screen, scheme) {
  const tab = await browser.newPage();
  await tab.setViewport(screen);
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.goto(pathToFileURL(path.resolve(page)).href);
  if (folder) await tab.screenshot({ path: path.join(folder, `report-${screen.name}-${scheme}.png`) });
  const width = await tab.evaluate(() => document.documentElement.scrollWidth);
  await tab.addScriptTag({ path: AXE });
  const found = await tab.evaluate(() => axe.run());
  await tab.close();
  const said = found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.impact}: ${rule.id}: ${rule.help}: ${node.target.join(" ")}`),
  );
  if (width > screen.width) said.push(`the page is ${width} pixels wide`);
  console.log(`${screen.name}, ${scheme}: ${found.passes.length} rules passed, ${said.length} problems`);
  for (const line of said) console.log(`  ${line}`);
  return said.length;
}
