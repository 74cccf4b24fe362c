// Opens pages in headless Chromium and prints, as JSON, what it saw of each: see test_browser.py.
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, executablePath, ...files] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(modules, "none.js")));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const flags = ["no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"];
flags.push("disable-component-update", "disable-sync");
const profile = mkdtempSync(join(tmpdir(), "page-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath, headless: true, args: flags.map((flag) => `--${flag}`), bypassCSP: false,
});
const seen = {};
for (const file of files) {
  const page = await context.newPage();
  const found = (seen[file] = { console: [], requests: [], axe: [], overflow: [], closed: null, pdf: null });
  page.on("console", (message) => found.console.push(message.text()));
  page.on("pageerror", (error) => found.console.push(String(error)));
  page.on("request", (request) => found.requests.push(request.url()));
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.overflow.push([colorScheme, width, wide]);
      if (width === 768) continue;
      // The page's own policy lets no script in: axe comes in by the debugger, not by the page.
      const session = await context.newCDPSession(page);
      const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
      const expression = `${axe}; axe.run(document, { runOnly: ${JSON.stringify(tags)}, resultTypes: ["violations"] })
        .then((result) => result.violations.map((v) => [v.id, v.impact, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200))]))`;
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
        expression, awaitPromise: true, returnByValue: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      for (const violation of result.value) found.axe.push([colorScheme, width, ...violation]);
      await session.detach();
    }
  }
  found.requests = found.requests.filter((url) => url !== pathToFileURL(file).href);
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 680, height: 960 });
  found.closed = await page.evaluate(() =>
    [...document.querySelectorAll("details:not([open])")].filter((d) => {
      const last = [...d.querySelectorAll("tr")].pop();
      return !last || !last.checkVisibility({ contentVisibilityAuto: true }) || last.getBoundingClientRect().height === 0;
    }).length);
  found.cut = await page.evaluate(() =>
    [...document.querySelectorAll("main *")].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && box.right > innerWidth + 1 && !e.closest("svg");
    }).map((e) => e.outerHTML.slice(0, 120)).slice(0, 5));
  const target = `${file}.pdf`;
  await page.pdf({ path: target, preferCSSPageSize: true, printBackground: true });
  found.pdf = target;
  await page.close();
}
await context.close();
rmSync(profile, { recursive: true, force: true });
console.log(JSON.stringify(seen));
