// Who may do what, and how it looks when something is empty, huge, broken or gone: `node states.js TASK`, which
// tests/e2e/states.rs writes.
import fs from "node:fs";
import { Looker, launch } from "./look.js";
import { endSession, logIn, press, says } from "./walk.js";

const task = JSON.parse(process.argv[2]);
const looker = new Looker("states");
const browser = await launch();

// A browser of its own, with somebody logged in.
async function as(name, origin, { script = true, csp = false } = {}) {
  const context = await browser.createBrowserContext();
  const tab = await looker.tab(context, { script, csp });
  await logIn(tab, origin, name, task.password);
  if (new URL(tab.url()).pathname === "/log-in") {
    throw new Error(`${origin} does not let ${name} in: ${await tab.evaluate(() => document.body.innerText)}`);
  }
  return { context, tab };
}

async function until(tab, what, is, most = 90_000) {
  const began = Date.now();
  while (!(await tab.evaluate(is).catch(() => false))) {
    if (Date.now() - began > most) throw new Error(`${tab.url()}: waited in vain: ${what}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

const shows = (text) => `document.body.innerText.includes(${JSON.stringify(text)})`;

const tell = (origin, incident, text) => fetch(`${origin}/api/v1/incidents/${incident}/note`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }),
});

// Where the buttons of a page lead to, and its places.
const buttons = (tab) => tab.$$eval("main form[method=post]", (all) => [...new Set(all.map((f) => new URL(f.action).pathname))].sort());
const places = (tab) => tab.$$eval("header nav a", (all) => all.map((a) => new URL(a.href).pathname));

function same(where, what, found, expected) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) looker.fault(where, `${what} are ${a}, not ${b}`);
}

// Every role sees its buttons and no others. What a forged request would do is a table of the console's own tests.
async function roles(script) {
  const incident = `/incidents/${task.incident}`;
  const verbs = ["ack", "escalate", "note", "resolve", "silence"].map((v) => `${incident}/${v}`);
  const own = ["/account", "/log-out"];
  for (const [name, act] of [["vera", false], ["rosa", true]]) {
    const { context, tab } = await as(name, task.console, { script });
    const some = (all) => (act ? all : []);
    for (const [page, path, expected, status] of [
      ["incidents", "/", [], 200],
      ["incident", incident, some(verbs), 200],
      ["new", "/incidents/new", some(["/incidents"]), act ? 200 : 403],
      ["checks", "/checks", [], 200],
      ["check", "/checks/backup", [], 200],
      ["on-call", "/on-call", [], 200],
      ["topology", "/topology", [], 200],
      ["silences", "/silences", some(["/silences", `/silences/${task.silence}/end`]), 200],
      ["account", "/account", own, 200],
      ["users", "/users", [], 403],
    ]) {
      const where = `${name}-${page}`;
      await looker.visit(tab, where, task.console + path, status);
      same(`${where} ${tab.mode}`, "the buttons", await buttons(tab), expected.sort());
      if ((await places(tab)).includes("/users")) looker.fault(where, "leads to a page that is not for this role");
    }
    await context.close();
  }
}

// Ten thousand alerts in one incident.
async function huge(script) {
  const { context, tab } = await as("rosa", task.console, { script });
  await looker.visit(tab, "huge-incidents", `${task.console}/`);
  await looker.visit(tab, "huge", `${task.console}/incidents/${task.huge}`);
  await says(looker, tab, "All 10,000 alerts");
  // The storm is one line. Unfolded, it stays so while the page goes on.
  await tab.click("#timeline summary");
  if (!script) {
    await looker.look(tab, "huge-unfolded");
  } else {
    await tell(task.console, task.huge, "a line above the storm");
    await until(tab, "the note", shows("a line above the storm"));
    if (!(await tab.$eval("#timeline li:has(details)", (li) => li.firstElementChild.open))) looker.fault("huge", "news fold the storm");
  }
  await looker.visit(tab, "huge-timeline", `${task.console}/incidents/${task.huge}/timeline`);
  await looker.visit(tab, "huge-alerts", `${task.console}/incidents/${task.huge}/alerts`);
  // To the last of the pages, by what a person presses.
  let pages = 1;
  for (let next; (next = await tab.$("a[rel=next]")); pages += 1) {
    await Promise.all([tab.waitForNavigation({ waitUntil: "load" }), next.click()]);
    if (pages > 1000) throw new Error("the alerts never end");
  }
  if (pages < 10) looker.fault("huge-alerts", `ten thousand alerts are on ${pages} pages`);
  await looker.look(tab, "huge-alerts-last");
  await context.close();
}

// A button that was pressed when the session had ended: it counts after the log-in.
async function ended(script) {
  const { context, tab } = await as("rosa", task.console, { script, csp: true });
  const path = `/incidents/${script ? task.ended : task.endedPlain}`;
  await tab.setViewport({ width: 360, height: 900 });
  await tab.goto(task.console + path);
  await endSession(looker, tab, context, task.console);
  await press(tab, `form[action='${path}/ack'] button`);
  await says(looker, tab, "Your session had ended.");
  await looker.look(tab, "ended-log-in");
  await tab.type("input[name=name]", "rosa");
  await tab.type("input[name=password]", task.password);
  await press(tab, "main form button");
  await says(looker, tab, "You are on it");
  await looker.look(tab, "ended-and-done");
  await context.close();
}

// The journal takes nothing: every page says so, and what is pressed counts, and is said not to be saved.
async function degraded() {
  const { context, tab } = await as("rosa", task.degraded);
  const plain = await as("rosa", task.degraded, { script: false });
  fs.writeFileSync(task.disk, "write=enospc");
  const path = `/incidents/${task.degradedIncident}`;
  await tab.goto(task.degraded + path);
  // A note is what finds out.
  await tell(task.degraded, task.degradedIncident, "is anybody there?");
  await until(tab, "the page to say that nothing is saved", shows("journal"));
  for (const at of [tab, plain.tab]) {
    await looker.visit(at, "degraded-incidents", `${task.degraded}/`);
    await says(looker, at, "journal");
    await looker.visit(at, "degraded-incident", task.degraded + path);
    await says(looker, at, "journal");
    await at.setViewport({ width: 360, height: 640 });
    const end = await at.$eval(`form[action='${path}/ack'] button`, (b) => b.getBoundingClientRect().bottom + scrollY);
    if (end > 640) looker.fault("degraded-incident", `Acknowledge ends at ${end} px of a small telephone's 640`);
  }
  await press(plain.tab, `form[action='${path}/ack'] button`);
  await says(looker, plain.tab, "not yet saved");
  await looker.look(plain.tab, "degraded-acknowledged");
  fs.writeFileSync(task.disk, "");
  await until(tab, "the page to say no more that nothing is saved", `!(${shows("No space left")})`);
  await context.close();
  await plain.context.close();
}

// The server does not answer: the page says how old it is, until there is one again.
async function gone() {
  const { context, tab } = await as("rosa", task.gone);
  tab.alone = true;
  await looker.visit(tab, "here", `${task.gone}/`);
  process.kill(task.goneId, "SIGSTOP");
  try {
    await until(tab, "the page to say that the server is gone", shows("The server does not answer. This page is as it was"));
    await looker.look(tab, "gone");
  } finally {
    process.kill(task.goneId, "SIGCONT");
  }
  await until(tab, "the page to be true again", `!(${shows("The server does not answer")})`);
  await looker.look(tab, "here-again");
  await context.close();
}

// What a tab shows now, in a window where it stays so, for whoever takes longer to look than the story takes to go on.
async function copy(tab, url) {
  const html = await tab.evaluate(() => {
    const all = document.documentElement.cloneNode(true);
    for (const e of all.querySelectorAll("script, noscript")) e.remove();
    return `<!doctype html>${all.outerHTML}`;
  });
  const context = await browser.createBrowserContext();
  const still = await looker.tab(context, { script: false, csp: false });
  await still.goto(url);
  await still.setContent(html);
  [still.mode, still.suffix] = [`a copy of ${tab.mode}`, `${tab.suffix}-copy`];
  return { still, context };
}

// The demo, from the first page to the end, and the same page without a script. There it loads itself again for who asks for
// that; its own test looks at it. The story goes on meanwhile: nothing that takes long comes before a button.
async function demo() {
  // Windows of their own: a tab behind another is not pressed.
  const [context, other] = [await browser.createBrowserContext(), await browser.createBrowserContext()];
  const tab = await looker.tab(context, { script: true, csp: false });
  const plain = await looker.tab(other, { script: false, csp: true });
  const kept = [];
  const keep = async (name) => {
    await plain.goto(task.demo);
    kept.push(...(await Promise.all([copy(tab, task.demo), copy(plain, task.demo)])).map((of) => ({ name, ...of })));
  };
  await looker.visit(tab, "demo-quiet", task.demo);
  await until(tab, "a phone to ring", "!!document.getElementById('acknowledge')", 300_000);
  await keep("demo-rings");
  await press(tab, "#acknowledge");
  await until(tab, "the button that mends it", "!!document.getElementById('repair')", 300_000);
  await keep("demo-answered");
  await says(looker, plain, "Show what is new");
  tab.alone = true;
  await press(tab, "#repair");
  await until(tab, "the end", "!document.getElementById('gone').hidden", 300_000);
  await looker.look(tab, "demo-over");
  for (const { name, still, context } of kept) {
    await looker.look(still, name);
    await context.close();
  }
  await context.close();
  await other.close();
}

await Promise.all([
  (async () => { for (const script of [true, false]) await roles(script); })(),
  (async () => { for (const script of [true, false]) { await huge(script); await ended(script); } })(),
  (async () => { await degraded(); await gone(); })(),
  demo(),
]);
await browser.close();
await looker.end();
