// Goes through everything that people see: `node main.js TASK`, which the test of the server in tests/e2e/browser.rs writes.
import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";
import puppeteer from "puppeteer-core";
import { Looker } from "./look.js";
import { logIn, walk } from "./walk.js";

const task = JSON.parse(process.argv[2]);
// A page that hangs ends the test, and not the other way round.
setTimeout(() => { console.error("the browser takes more than ten minutes"); process.exit(1); }, 600_000).unref();

for (const dir of ["shots", "html"]) {
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir);
}
const looker = new Looker();
const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  // Chromium's own sandbox does not work as root, nor in most containers; only pages of ours are opened.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
  headless: true,
});

const passwords = [task.password, "a second one, for later", "a third one, to end with"];
const tell = () => {
  for (const fault of new Set(looker.faults)) console.error(fault);
};
// What was found before something did not go on at all.
process.on("uncaughtExceptionMonitor", tell);
await walk(looker, await browser.createBrowserContext(), task,
  { script: true, incident: task.with, password: passwords[0], next: passwords[1] });
await walk(looker, await browser.createBrowserContext(), task,
  { script: false, incident: task.without, password: passwords[1], next: passwords[2] });

const full = {
  "incidents": "/", "incident-open": `/incidents/${task.open}`, "incident-acknowledged": `/incidents/${task.acknowledged}`,
  "incident-resolved": `/incidents/${task.with}`, "alerts": `/incidents/${task.open}/alerts`,
  "timeline": `/incidents/${task.with}/timeline`, "closed": "/incidents/closed", "closed-none": "/incidents/closed?q=nothing+fits",
  "new": "/incidents/new", "checks": "/checks", "checks-none": "/checks?q=nothing+fits", "check-down": "/checks/database-answers",
  "check-up": "/checks/shop-page", "check-week": "/checks/shop-page?range=7d", "heartbeat": "/checks/nightly-backup",
  "on-call": "/on-call", "topology": "/topology", "silences": "/silences", "account": "/account", "users": "/users",
};
const empty = {
  "incidents": "/", "closed": "/incidents/closed", "checks": "/checks", "on-call": "/on-call", "topology": "/topology",
  "silences": "/silences",
};

async function pages(script) {
  const context = await browser.createBrowserContext();
  // Where scripts run, only escaping is between them and a text from outside; elsewhere the page must suit its policy.
  const tab = await looker.tab(context, { script, csp: !script });
  await looker.visit(tab, "log-in", `${task.console}/log-in`);
  await logIn(tab, task.console, task.name, passwords[2]);
  for (const [name, path] of Object.entries(full)) await looker.visit(tab, name, task.console + path);
  await looker.visit(tab, "not-there", `${task.console}/nowhere`, 404);
  await looker.visit(tab, "link", task.console + task.link);
  const month = new Date().toISOString().slice(0, 7);
  for (const [name, path] of Object.entries({ "status": "/", "history": "/history", "month": `/history/${month}` }))
    await looker.visit(tab, name, task.status + path);
  await looker.visit(tab, "status-not-there", `${task.status}/nowhere`, 404);
  await logIn(tab, task.bare, task.name, task.password);
  for (const [name, path] of Object.entries(empty)) await looker.visit(tab, `empty-${name}`, task.bare + path);
  await looker.visit(tab, "empty-status", `${task.bareStatus}/`);
  await context.close();
}
await Promise.all([pages(true), pages(false)]);
await browser.close();

const files = fs.readdirSync("html").map((f) => `html/${f}`);
const vnu = ["-Xss4m", "-jar", "node_modules/vnu-jar/build/dist/vnu.jar", "--errors-only", "--format", "json", ...files];
const told = await promisify(execFile)("java", vnu, { maxBuffer: 1 << 26 }).then((r) => r.stderr, (e) => e.stderr);
for (const m of JSON.parse(told).messages)
  looker.fault(m.url?.replace(/.*\//, ""), `HTML, line ${m.lastLine}: ${m.message} ${m.extract ?? ""}`);

console.log(`${looker.looked} views of ${files.length} pages`);
tell();
process.exit(looker.faults.length > 0 ? 1 : 0);
