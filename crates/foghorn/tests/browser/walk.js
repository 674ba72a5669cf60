// Every button once, as a person presses it.

// Presses, and waits for the page that it leads to.
export async function press(tab, selector) {
  await Promise.all([tab.waitForNavigation({ waitUntil: "load" }), tab.click(selector)]);
}

export async function says(looker, tab, text) {
  const shown = await tab.evaluate(() => document.body.innerText);
  if (!shown.includes(text)) looker.fault(`${tab.url()} ${tab.mode}`, `does not say “${text}”:\n${shown.slice(0, 600)}`);
}

export async function logIn(tab, origin, name, password) {
  await tab.goto(`${origin}/log-in`);
  // Not typed: a key may go astray while another tab is in front.
  const fill = (field, value) => tab.$eval(`input[name=${field}]`, (input, value) => { input.value = value; }, value);
  await fill("name", name);
  await fill("password", password);
  await press(tab, "main form button");
}

// Ends the session on the server, while the browser still has its cookie.
export async function endSession(looker, tab, context, origin) {
  const cookies = await context.cookies();
  const answer = await fetch(`${origin}/log-out`, {
    method: "POST",
    redirect: "manual",
    headers: { Origin: origin, Cookie: cookies.map((c) => `${c.name}=${c.value}`).join("; ") },
    body: new URLSearchParams({ form: await tab.$eval("input[name=form]", (e) => e.value) }),
  });
  if (answer.status !== 303) looker.fault("log-out", `answers ${answer.status}`);
}

// All that can be done in the console; the page's policy is in force.
export async function walk(looker, context, task, { script, incident, password, next }) {
  const tab = await looker.tab(context, { script, csp: true });
  await tab.setViewport({ width: 360, height: 900 });
  const at = `${task.console}/incidents/${incident}`;
  const button = (verb) => `form[action='/incidents/${incident}/${verb}'] button`;
  // Opens what folds a field or a button away.
  const unfold = async (selector) => {
    for (const d of await tab.$$("details:not([open])"))
      if (await d.$(selector)) await (await d.$("summary")).click();
  };

  await logIn(tab, task.console, task.name, "not the password");
  await says(looker, tab, "Log in");
  await looker.look(tab, "log-in-wrong");
  await logIn(tab, task.console, task.name, password);
  await says(looker, tab, "Open incidents");

  await tab.goto(at);
  await press(tab, button("ack"));
  await says(looker, tab, "You are on it");
  await unfold(button("note"));
  const text = (verb) => `form[action='/incidents/${incident}/${verb}'] textarea`;
  await tab.type(text("note"), `${task.evil}\nand a second line`);
  await press(tab, button("note"));
  await says(looker, tab, "and a second line");
  await unfold(button("draft"));
  await tab.select(`form[action='/incidents/${incident}/draft'] select`, "identified");
  await tab.type(text("draft"), `${task.evil}\nand what we do abuot it`);
  await looker.look(tab, "incident-to-tell");
  await press(tab, button("draft"));
  await says(looker, tab, "Not published yet");
  await says(looker, tab, "and what we do abuot it");
  await looker.look(tab, "incident-draft");
  await unfold(button("draft"));
  await tab.$eval(text("draft"), (area) => { area.value = area.value.replace("abuot", "about"); });
  await press(tab, button("draft"));
  await press(tab, button("updates"));
  await says(looker, tab, "Published");
  await says(looker, tab, "and what we do about it");
  // What is out is corrected, then withdrawn.
  const correct = `a[href='/incidents/${incident}/updates/1']`;
  await press(tab, correct);
  await looker.look(tab, "incident-to-correct");
  await tab.type(text("updates/1/correct"), "\nand a correction");
  await press(tab, button("updates/1/correct"));
  await says(looker, tab, "and a correction");
  await press(tab, correct);
  await unfold(button("updates/1/withdraw"));
  await press(tab, button("updates/1/withdraw"));
  await says(looker, tab, "The public read until then:");
  await looker.look(tab, "incident-withdrawn");
  await press(tab, button("escalate"));
  await says(looker, tab, "being paged");
  await unfold(button("silence"));
  await tab.type(`form[action='/incidents/${incident}/silence'] input[name=comment]`, task.evil);
  await press(tab, button("silence"));
  await says(looker, tab, "Silenced");
  await looker.look(tab, "incident-silenced");

  await tab.goto(`${task.console}/silences`);
  await press(tab, "form[action$='/end'] button");
  await says(looker, tab, "The silence has ended.");
  await tab.type("textarea[name=what]", `team="${script}"`);
  await tab.type("main section input[name=comment]", task.evil);
  await tab.click("input[name=maintenance]");
  await press(tab, "form[action='/silences'] button");
  await says(looker, tab, "Silenced");

  // Something that is noticed, while the session ends under the button.
  await tab.goto(`${task.console}/incidents/new`);
  await tab.type("input[name=title]", task.evil);
  await tab.type("textarea[name=note]", task.evil);
  await endSession(looker, tab, context, task.console);
  await press(tab, "main form button");
  await says(looker, tab, "Your session had ended.");
  await looker.look(tab, "log-in-then-act");
  await tab.type("input[name=name]", task.name);
  await tab.type("input[name=password]", password);
  await press(tab, "main form button");
  await says(looker, tab, "Opened, and paged for.");
  await press(tab, "form[action$='/resolve'] button");
  await says(looker, tab, "It is over");
  await tab.goto(at);
  await press(tab, button("resolve"));
  await says(looker, tab, "It is over");

  const user = `user-${script}`;
  await tab.goto(`${task.console}/users`);
  await tab.type("form[action='/users'] input[name=name]", user);
  await tab.type("form[action='/users'] input[name=password]", "long enough for it");
  await press(tab, "form[action='/users'] button");
  await says(looker, tab, "The account is there.");
  const form = `form[action='/users/${user}']`;
  await unfold(`${form} select[name=role]`);
  await tab.select(`${form} select[name=role]`, "viewer");
  await press(tab, `${form}:has(select) button`);
  await says(looker, tab, "The account is changed.");
  await unfold(`${form} select[name=role]`);
  await tab.type(`${form} input[name=password]`, "another that is long");
  await press(tab, `${form}:has(input[type=password]) button`);
  await says(looker, tab, "The account is changed.");
  await unfold(`${form} select[name=role]`);
  await press(tab, `a[href='/users/${user}/remove']`);
  await says(looker, tab, `Remove ${user}?`);
  await looker.look(tab, "user-remove");
  await press(tab, `${form} button`);
  await says(looker, tab, "The account is removed");

  await tab.goto(`${task.console}/account`);
  await tab.type("input[name=old]", password);
  await tab.type("input[name=new]", next);
  await tab.type("input[name=again]", next);
  await press(tab, "form[action='/account'] button");
  await says(looker, tab, "The password is changed.");
  await press(tab, "form[action='/log-out'] button");
  await says(looker, tab, "Log in");
  await tab.goto(at);
  if (!tab.url().includes("/log-in")) looker.fault(at, `is still open after log-out: ${tab.url()}`);
  await tab.close();
}
