// Looks at the console in Chromium as analysts would: at each page on a desk and on a phone, in light and in darkness,
// and works an alert by keys. The console is the one of console_example.py, which this starts and ends.
//
//   PYTHON=… CHROMIUM=… node console.mjs FOLDER
//
// The folder is what example.py wrote to, and has the reports; screenshots go into it. Fails if axe finds anything, a page is wider than the screen, the browser refuses something of it, or the keys do not
// lead to a closed alert.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = [
  { name: "desk", width: 1280, height: 800, deviceScaleFactor: 1 },
  { name: "phone", width: 390, height: 844, deviceScaleFactor: 1, isMobile: true, hasTouch: true },
];
const SCHEMES = ["light", "dark"];
const PAGES = { today: "/", queue: "/queue", lists: "/lists", rules: "/rules", history: "/rules/history", reports: "/reports", audit: "/audit", search: "/search" };

const [folder] = process.argv.slice(2);
const served = spawn(process.env.PYTHON, ["-m", "accessibility.console_example", folder], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [printed] = await once(served.stdout, "data");
const link = printed.toString().trim();
const origin = new URL(link).origin;
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
let problems = 0;
try {
  const tab = await browser.newPage();
  tab.on("console", (said) => said.type() === "error" && report(`${tab.url()}: ${said.text()}`));
  tab.on("pageerror", (error) => report(`${tab.url()}: ${error.message}`));
  tab.on("request", (asked) => !asked.url().startsWith(origin) && report(`asks ${asked.url()}`));
  await tab.goto(link);
  await tab.waitForFunction(() => location.pathname === "/");
  await tab.setViewport(SCREENS[0]);
  const worked = await workByKeys(tab);
  const pages = { ...PAGES, case: worked };
  for (const screen of SCREENS) {
    for (const scheme of SCHEMES) {
      await tab.setViewport(screen);
      await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      for (const [name, address] of Object.entries(pages)) await look(tab, name, address, screen, scheme);
    }
  }
} finally {
  await browser.close();
  served.kill("SIGINT");
}
process.exitCode = problems ? 1 : 0;

function report(said) {
  problems += 1;
  console.log(`  ${said}`);
}

async function workByKeys(tab) {
  await tab.goto(`${origin}/queue`);
  const next = () => tab.waitForNavigation();
  await tab.keyboard.press("j");
  await Promise.all([next(), tab.keyboard.press("Enter")]);
  const address = tab.url();
  await tab.screenshot({ path: path.join(folder, "console-case-open.png") });
  await Promise.all([next(), tab.keyboard.press("a")]);
  await tab.keyboard.press("f");
  await tab.keyboard.type("the customer denies it");
  await Promise.all([next(), tab.keyboard.press("Enter")]);
  const said = await tab.$eval("main", (main) => main.textContent);
  if (!said.includes("It is labelled FRAUD, and its alert is closed.")) report("the keys did not close the alert");
  await tab.keyboard.press("?");
  if (!(await tab.$eval("#help", (help) => help.open))) report("? shows no keys");
  return address.slice(origin.length);
}

async function look(tab, name, address, screen, scheme) {
  await tab.goto(origin + address);
  await tab.screenshot({ path: path.join(folder, `console-${name}-${screen.name}-${scheme}.png`) });
  const width = await tab.evaluate(() => document.documentElement.scrollWidth);
  // By the debugger, which the page's content policy does not bind.
  await tab.evaluate(AXE);
  const found = await tab.evaluate(() => axe.run());
  for (const rule of found.violations) {
    for (const node of rule.nodes) report(`${rule.impact}: ${rule.id}: ${rule.help}: ${node.target.join(" ")}`);
  }
  if (width > screen.width) report(`${name} is ${width} pixels wide`);
  console.log(`${name}, ${screen.name}, ${scheme}: ${found.passes.length} rules passed`);
}
