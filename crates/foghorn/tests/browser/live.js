// What happens to a page while it is open, for those who read it, hear it or go through it by keys: `node live.js TASK`, which
// tests/e2e/live.rs writes.
import http from "node:http";
import { Looker, launch } from "./look.js";
import { logIn } from "./walk.js";

const task = JSON.parse(process.argv[2]);
const looker = new Looker("live");
const browser = await launch();

// A proxy that stays when what is behind it has gone.
const behind = new URL(task.console);
const open = new Set();
let gone = false;
const proxy = http.createServer((asked, answer) => {
  if (gone) { answer.writeHead(502, { "Content-Type": "text/html" }); answer.end("<h1>502 Bad Gateway</h1>"); return; }
  const { url: path, method, headers } = asked;
  const request = http.request({ host: behind.hostname, port: behind.port, path, method, headers }, (got) => {
    // What was on its way when it went is lost with it.
    if (gone) { got.destroy(); answer.destroy(); return; }
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
    open.add(answer);
  });
  request.on("error", () => answer.destroy());
  asked.pipe(request);
});
await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${proxy.address().port}`;
const path = `/incidents/${task.incident}`;

async function until(tab, what, is, most = 60_000) {
  const began = Date.now();
  while (!(await tab.evaluate(is).catch(() => false))) {
    if (Date.now() - began > most) throw new Error(`${tab.url()}: waited in vain: ${what}\n${await tab.evaluate(() => document.body.innerText)}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

const shows = (text) => `document.body.innerText.includes(${JSON.stringify(text)})`;
const post = (at, body) => fetch(task.console + at, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});
const tell = (verb, body) => post(`/api/v1${path}/${verb}`, body);

async function as(name) {
  const context = await browser.createBrowserContext();
  const tab = await looker.tab(context, { script: true, csp: true });
  await logIn(tab, origin, name, task.password);
  return { context, tab };
}

// What is counted is said to nobody every second; that somebody is on it is said once.
async function heard() {
  const { context, tab } = await as("ana");
  await tab.goto(origin + path);
  await tab.evaluate(() => {
    window.said = [];
    window.counted = 0;
    new MutationObserver((all) => {
      for (const { target } of all) {
        const at = target.nodeType === 1 ? target : target.parentElement;
        if (at.closest("[data-age]")) window.counted += 1;
        if (at.closest("[role=status],[role=alert],[aria-live]")) window.said.push(at.textContent);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await until(tab, "the page to count", "window.counted >= 2");
  const said = await tab.evaluate(() => window.said);
  if (said.length > 0) looker.fault("a page that counts", `says ${JSON.stringify(said)}`);
  await tell("ack", {});
  await until(tab, "the page to say that somebody is on it", "document.getElementById('aloud').textContent.includes('is on it')");
  await context.close();
}

// Whoever goes by keys stays where they are when the page goes on, and so does what they look at.
async function kept() {
  const { context, tab } = await as("ana");
  await tab.setViewport({ width: 800, height: 200 });
  const change = () => post("/api/v1/changes", { summary: "a new release", entity: "shop" });
  for (const [at, link, news] of [
    ["/", `#list a[href='${path}']`, () => tell("note", { text: "one" })],
    [path, "#about a[href^='https://runbooks.example.com/']", change],
  ]) {
    await tab.goto(origin + at);
    await tab.focus(link);
    const scrolled = await tab.evaluate(() => { scrollTo(0, 40); return scrollY; });
    const redrawn = tab.evaluate(() => new Promise((done) => {
      const old = document.activeElement;
      new MutationObserver(() => { if (!old.isConnected) done(); }).observe(document.body, { subtree: true, childList: true });
    }));
    await news();
    await redrawn;
    await until(tab, "the page to be whole again", "document.activeElement !== document.body");
    const now = await tab.evaluate((link) => ({ focus: document.activeElement.matches(link), scrolled: scrollY }), link);
    if (!now.focus) looker.fault(at, "news take the focus away from a link");
    if (now.scrolled !== scrolled) looker.fault(at, `news scroll the page from ${scrolled} to ${now.scrolled}`);
  }
  await context.close();
}

// Somebody else logs in beside it.
async function another() {
  const { context, tab } = await as("ana");
  await tab.goto(origin + path);
  await until(tab, "the page", shows("Timeline"));
  const beside = await looker.tab(context, { script: false, csp: true });
  await logIn(beside, origin, "rex", task.password);
  await tab.bringToFront();
  await tell("note", { text: "two" });
  await until(tab, "the page to say whose it is not", shows("Somebody else is logged in with this browser now"));
  if (await tab.evaluate(shows("rex"))) looker.fault(path, "is half of each");
  await context.close();
}

// It is said soon after the server has gone, whatever the proxy answers, and no more when it is there again.
async function dead() {
  const { context, tab } = await as("ana");
  tab.alone = true;
  await tab.goto(origin + path);
  await until(tab, "the page", shows("Timeline"));
  gone = true;
  for (const answer of open) answer.destroy();
  const text = "The server does not answer. This page is as it was";
  await until(tab, "the page to say that the server has gone", shows(text), 45_000);
  gone = false;
  await until(tab, "the page to be true again", `!(${shows(text)})`);
  await context.close();
}

await heard();
await kept();
await another();
await dead();
await browser.close();
proxy.close();
looker.tell();
process.exit(looker.faults.length > 0 ? 1 : 0);
