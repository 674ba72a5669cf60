// Goes through everything that people see: `node main.js TASK`, which the test of the server in tests/e2e/browser.rs writes.
import { Looker, launch } from "./look.js";
import { logIn, walk } from "./walk.js";

const task = JSON.parse(process.argv[2]);
const looker = new Looker("pages");
const browser = await launch();

const passwords = [task.password, "a second one, for later", "a third one, to end with"];
await walk(looker, await browser.createBrowserContext(), task,
  { script: true, incident: task.with, password: passwords[0], next: passwords[1] });
await walk(looker, await browser.createBrowserContext(), task,
  { script: false, incident: task.without, password: passwords[1], next: passwords[2] });

const full = {
  "incidents": "/", "incidents-found": "/?q=db&state=unacknowledged", "incidents-none": "/?q=nothing+fits", "incident-open": `/incidents/${task.open}`, "incident-acknowledged": `/incidents/${task.acknowledged}`,
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
await looker.end();
