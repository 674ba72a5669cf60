// What must be true of every page, however it is looked at.
import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";

const axe = fs.readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const MOST = 100 * 1024;
const VIEWS = [360, 1440].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));

export function launch() {
  return puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    // Chromium's own sandbox does not work as root, nor in most containers; only pages of ours are opened.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
    headless: true,
  });
}

export class Looker {
  faults = [];
  looked = 0;

  // What is seen goes to `shots/WALK` and `html/WALK`.
  constructor(walk) {
    this.shots = `shots/${walk}`;
    this.html = `html/${walk}`;
    for (const dir of [this.shots, this.html]) {
      fs.rmSync(dir, { recursive: true, force: true });
      fs.mkdirSync(dir, { recursive: true });
    }
    // What was found before something did not go on at all.
    process.on("uncaughtExceptionMonitor", () => this.tell());
    // A page that hangs ends the test, and not the other way round.
    setTimeout(() => { console.error("the browser takes more than a quarter of an hour"); process.exit(1); }, 900_000).unref();
  }

  tell() {
    for (const fault of new Set(this.faults)) console.error(fault);
  }

  // The validator looks at every page that was kept; then this is over.
  async end() {
    const files = fs.readdirSync(this.html).map((f) => `${this.html}/${f}`);
    const vnu = ["-Xss4m", "-jar", "node_modules/vnu-jar/build/dist/vnu.jar", "--errors-only", "--format", "json", ...files];
    const told = await promisify(execFile)("java", vnu, { maxBuffer: 1 << 26 }).then((r) => r.stderr, (e) => e.stderr);
    for (const m of JSON.parse(told).messages)
      this.fault(m.url?.replace(/.*\//, ""), `HTML, line ${m.lastLine}: ${m.message} ${m.extract ?? ""}`);
    console.log(`${this.looked} views of ${files.length} pages`);
    this.tell();
    process.exit(this.faults.length > 0 ? 1 : 0);
  }

  // For the validator, and against pages that grow.
  keep(name, html) {
    if (html.length > MOST) this.fault(name, `${html.length} bytes of HTML are more than ${MOST}`);
    fs.writeFileSync(`${this.html}/${name}.html`, html);
  }

  fault(where, what) {
    this.faults.push(`${where}: ${what}`);
  }

  // A tab whose console is listened to.
  async tab(context, { script, csp }) {
    const tab = await context.newPage();
    await tab.setJavaScriptEnabled(script);
    // axe-core runs beside the page; without the page's policy, what is not escaped would run as well.
    await tab.setBypassCSP(!csp);
    tab.script = script;
    tab.mode = `${script ? "with" : "without"} JavaScript`;
    tab.suffix = script ? "js" : "plain";
    tab.on("pageerror", (e) => this.fault(`${tab.url()} ${tab.mode}`, `error: ${e.message}`));
    tab.on("dialog", (d) => this.fault(`${tab.url()} ${tab.mode}`, `dialog: ${d.message()}`));
    tab.on("console", (m) => {
      if (!["error", "warn"].includes(m.type())) return;
      // Chromium reports a page's own status as an error of loading; the status is looked at where the page is opened.
      // One that is gone, on purpose, is another matter.
      if (m.text().startsWith("Failed to load resource") && (tab.alone || m.location().url === tab.url())) return;
      this.fault(`${tab.url()} ${tab.mode}`, `console: ${m.text()} ${m.location().url ?? ""}`);
    });
    return tab;
  }

  // Opens an address, which must answer so, and looks at it.
  async visit(tab, name, url, status = 200) {
    const answer = await tab.goto(url, { waitUntil: "load" });
    if (answer.status() !== status) this.fault(name, `${url} answers ${answer.status()}, not ${status}`);
    this.keep(`${name}.${tab.suffix}`, await answer.buffer());
    await this.look(tab, name);
  }

  // Looks at what is shown now, at every width, by day and by night.
  async look(tab, name) {
    for (const { width, scheme } of VIEWS) {
      const where = `${name} ${width} ${scheme} ${tab.mode}`;
      await tab.setViewport({ width, height: 900 });
      await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      const seen = await tab.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        // What goes on beyond an edge fades out there.
        cut: [...document.querySelectorAll("body *")]
          .filter((e) => e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX))
          .filter((e) => getComputedStyle(e, "::after").position !== "sticky")
          .map((e) => e.outerHTML.slice(0, 120)),
        pwned: window.pwned,
        // None of the pages has any of these: where one is, text has become markup.
        strange: [...document.querySelectorAll("img,iframe,object,script:not([src]),[onerror],a[href^='javascript:']")]
          .map((e) => e.outerHTML.slice(0, 120)),
      }));
      if (seen.wide > width) this.fault(where, `is ${seen.wide} px wide: it scrolls sideways`);
      for (const element of seen.cut) this.fault(where, `scrolls sideways without a sign of it: ${element}`);
      if (seen.pwned !== undefined) this.fault(where, "text from outside was run");
      for (const element of seen.strange) this.fault(where, `text from outside became markup: ${element}`);
      await tab.screenshot({ path: `${this.shots}/${name}.${width}.${scheme}.${tab.suffix}.png`, fullPage: true });
      // axe-core needs timers; the page's own scripts were passed over when it was loaded, and stay so.
      await tab.setJavaScriptEnabled(true);
      await tab.evaluate(axe);
      const found = await tab.evaluate(() => window.axe.run({ resultTypes: ["violations"] }).then((r) => r.violations));
      await tab.setJavaScriptEnabled(tab.script);
      for (const v of found)
        for (const n of v.nodes.slice(0, 3))
          this.fault(where, `axe ${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary.replace(/\s+/g, " ")}`);
      this.looked += 1;
    }
    await this.enlarge(tab, name);
  }

  // On the smallest phones, and in text of twice the size, one scrolls down and not sideways, and nothing to press is cut off.
  async enlarge(tab, name) {
    const where = `${name} on a phone ${tab.mode}`;
    const client = await tab.createCDPSession();
    const size = (standard) => client.send("Page.setFontSizes", { fontSizes: { standard, fixed: standard } });
    for (const [standard, width] of [[16, 320], [32, 360]]) {
      await tab.setViewport({ width, height: 700 });
      await size(standard);
      const seen = await tab.evaluate(() => ({
        size: getComputedStyle(document.documentElement).fontSize,
        wide: document.documentElement.scrollWidth,
        beyond: [...document.querySelectorAll("body *")]
          .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
          .map((e) => e.outerHTML.slice(0, 100)),
        cut: [...document.querySelectorAll(".top a")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent),
      }));
      if (seen.wide > width) this.fault(where, `is ${seen.wide} px wide at ${seen.size} in ${width}: ${seen.beyond.slice(-2)}`);
      if (seen.cut.length > 0) this.fault(where, `cut off at ${seen.size} in ${width}: ${seen.cut}`);
      await tab.screenshot({ path: `${this.shots}/${name}.${width}.${standard}.${tab.suffix}.png` });
    }
    await size(16);
    await client.detach();
  }
}
