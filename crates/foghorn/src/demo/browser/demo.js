"use strict";
// Asks whether there is news, and then for the page: there is one way in which anything is shown. Only what is another
// changes, so that a button stays under the finger that presses it.
(async () => {
  const main = document.querySelector("main");
  const merge = (old, fresh) => {
    while (old.children.length > fresh.children.length) old.lastElementChild.remove();
    [...fresh.children].forEach((child, n) => {
      const was = old.children[n];
      if (!was) {
        old.append(child);
      } else if (was.outerHTML !== child.outerHTML) {
        const focus = was.contains(document.activeElement) && document.activeElement.id;
        was.replaceWith(child);
        if (focus) document.getElementById(focus)?.focus();
      }
    });
  };
  try {
    for (;;) {
      await fetch("/news?" + main.dataset.version);
      const text = await (await fetch("/")).text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      main.dataset.version = fresh.querySelector("main").dataset.version;
      for (const id of ["story", "phones"]) merge(document.getElementById(id), fresh.getElementById(id));
      await new Promise((resume) => setTimeout(resume, 100));
    }
  } catch {
    document.getElementById("gone").hidden = false;
    document.querySelectorAll("button").forEach((button) => { button.disabled = true; });
  }
})();
