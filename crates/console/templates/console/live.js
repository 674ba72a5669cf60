// Keeps an open page true. Everything works without it: then one reloads by hand.
(function () {
  "use strict";
  var main = document.querySelector("[data-stream]");
  if (!main || !window.EventSource || !window.fetch || !window.DOMParser) return;
  var stale = document.getElementById("stale"), aloud = document.getElementById("aloud");
  // `heard` is when the server last said anything, `looked` since when somebody looks and waits for it to.
  var loaded = Date.now(), heard = loaded, looked = loaded, shown = loaded, ended = false;
  var busy = false, again = false, source = null, retry = 0;
  var SILENT = 25000;
  // Nothing moves under a finger.
  var pressed = 0;
  addEventListener("pointerdown", function () { pressed = Date.now(); }, { capture: true, passive: true });

  function words(ms) {
    var s = Math.round(ms / 1000);
    if (s < 120) return s + " seconds";
    if (s < 7200) return Math.round(s / 60) + " minutes";
    return Math.round(s / 3600) + " hours";
  }

  // As the server writes lengths of time: the two largest units.
  function span(s) {
    var text = [], sizes = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
    for (var i = 0; i < sizes.length && text.length < 2; i += 1) {
      var n = Math.floor(s / sizes[i][0]);
      s -= n * sizes[i][0];
      if (n > 0) text.push(n + sizes[i][1]);
      else if (text.length) break;
    }
    return text.join(" ") || "0s";
  }

  // What the page says of how long something lasts or is waited for goes on between one piece of news and the next.
  function count() {
    if (ended || document.hidden) return;
    var since = Date.now() - shown;
    function each(what, seconds) {
      document.querySelectorAll("[data-" + what + "]").forEach(function (place) {
        var text = span(seconds(Number(place.getAttribute("data-" + what))));
        if (place.textContent !== text) place.textContent = text;
      });
    }
    each("age", function (ms) { return Math.floor((ms + since) / 1000); });
    each("wait", function (ms) { return Math.max(0, Math.ceil((ms - since) / 1000)); });
  }
  setInterval(count, 1000);

  function say(text, href, word) {
    stale.className = text ? "banner bad" : "";
    if (!text) { stale.textContent = ""; return; }
    if (stale.firstChild && stale.firstChild.firstChild.data === text) return;
    stale.textContent = "";
    var box = document.createElement("div");
    box.textContent = text;
    stale.append(box);
    if (href) {
      var link = document.createElement("a");
      link.href = href;
      link.textContent = word;
      box.append(" ", link);
    }
  }

  // What a fold is about: with every line that comes it is in another place.
  function key(details) {
    return details.id || details.parentNode.id || details.parentNode.textContent;
  }

  // A picture that is wider than the page begins with what was asked for, else with what is sick.
  function inSight() {
    document.querySelectorAll(".scroll").forEach(function (box) {
      var asked = box.querySelector("a[href='" + location.pathname + location.search + "'] .box");
      var sick = asked || box.querySelector(".bad>.box") || box.querySelector(".warn>.box");
      if (sick) box.scrollLeft += sick.getBoundingClientRect().left - box.getBoundingClientRect().left - 48;
    });
  }

  // Who is on it, or that nobody is.
  function standing(page) {
    var said = page.querySelector("#head strong");
    return said ? said.textContent : "";
  }

  // What can have the focus, by what stays the same when it is drawn anew.
  function sign(element) {
    if (element.id) return "#" + element.id;
    if (element.closest("summary")) return "fold " + key(element.closest("details"));
    var form = element.closest("form");
    return [element.tagName, element.getAttribute("href"), form && form.getAttribute("action"), element.getAttribute("name")].join(" ");
  }

  function alike(place, what) {
    return Array.prototype.filter.call(place.querySelectorAll("a[href],button,summary,input,select,textarea,[tabindex]"), function (e) {
      return sign(e) === what;
    });
  }

  // Whoever has come so far by keys stays there; if it is there no more, in the part of the page where it was.
  function focusAgain(place, what, nth) {
    var all = alike(place, what), to = all[nth] || all[0];
    if (!to) {
      place.setAttribute("tabindex", "-1");
      to = place;
    }
    to.focus({ preventScroll: true });
  }

  // False if it is no page of ours: a proxy's own, say.
  function swap(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    var fresh = page.getElementById("main");
    if (!fresh || !fresh.hasAttribute("data-who")) return false;
    heard = Date.now();
    if (fresh.getAttribute("data-who") !== main.getAttribute("data-who")) {
      ended = true;
      if (source) source.close();
      say("Somebody else is logged in with this browser now: this page is not kept true any more, and its buttons do nothing.", location.pathname + location.search, "Reload it");
      return true;
    }
    // The same account, in a new session: what is typed here must count in it.
    var token = page.querySelector("main input[name=form]");
    if (token) document.querySelectorAll("main input[name=form]").forEach(function (e) { e.value = token.value; });
    var stood = standing(document);
    // What a button did is told for long enough to be read, and no longer than it is so.
    var told = Date.now() - loaded < 30000 && standing(page) === standing(document);
    document.querySelectorAll("[data-live]").forEach(function (old) {
      if (told && old.id === "done") return;
      var fresh = page.getElementById(old.id);
      if (!fresh) { old.replaceChildren(); return; }
      if (fresh.innerHTML === old.innerHTML) return;
      // Whoever is about to press keeps the place; what was unfolded stays so.
      var focus = old.contains(document.activeElement) && document.activeElement !== old ? document.activeElement : null;
      var what = focus && sign(focus), nth = focus && alike(old, what).indexOf(focus);
      var unfolded = [], scrolled = [];
      old.querySelectorAll(".scroll").forEach(function (box) { scrolled.push(box.scrollLeft); });
      old.querySelectorAll("details").forEach(function (d) { if (d.open) unfolded.push(key(d)); });
      old.replaceChildren.apply(old, fresh.childNodes);
      old.querySelectorAll("details").forEach(function (d) {
        if (unfolded.indexOf(key(d)) >= 0) d.open = true;
      });
      old.querySelectorAll(".scroll").forEach(function (box, i) { box.scrollLeft = scrolled[i] || 0; });
      if (focus) focusAgain(old, what, nth);
    });
    // Said to whoever does not see it, when it becomes so and not with every second that is counted.
    if (standing(document) !== stood) aloud.textContent = standing(document);
    if (page.title) document.title = page.title;
    shown = Date.now();
    say("");
    return true;
  }

  function refresh() {
    if (ended) return;
    if (busy || document.hidden) { again = true; return; }
    busy = true;
    again = false;
    fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" })
      .then(function (answer) {
        if (answer.type === "opaqueredirect") {
          ended = true;
          if (source) source.close();
          say("Your session has ended: this page is not kept true any more. What you press still counts after the log-in.", "/log-in?next=" + encodeURIComponent(location.pathname), "Log in");
          return null;
        }
        return answer.ok ? answer.text() : Promise.reject(new Error(answer.status));
      })
      .then(function (text) {
        if (text && Date.now() - pressed < 1000) again = true;
        else if (text && !swap(text)) throw new Error("not a page of ours");
      })
      .catch(function () {
        again = true;
        // Whoever has just come back need not wait to be told how old it is.
        looked = 0;
      })
      .then(function () {
        busy = false;
        if (again && !ended) setTimeout(refresh, 2000 + Math.random() * 2000);
      });
  }

  function open() {
    // A browser has six connections to one server: a page that nobody sees must not hold one.
    if (ended || document.hidden || (source && source.readyState !== 2)) return;
    source = new EventSource(main.getAttribute("data-stream"));
    source.addEventListener("here", function () {
      var away = retry > 0 || Date.now() - heard > SILENT;
      heard = Date.now();
      retry = 0;
      if (away) refresh();
    });
    source.addEventListener("changed", function (e) {
      heard = Date.now();
      retry = 0;
      // Of many open pages not all ask at once.
      setTimeout(refresh, Math.random() * Math.min(10000, 5 * (Number(e.data) || 0)));
    });
    source.onerror = function () {
      retry += 1;
      // A refusal ends it for good: then it is tried again, seldom enough for a server that has just come back. Where there
      // is a server and no room for one more live page, the page is asked for each time.
      if (source.readyState === 2 && !ended) {
        setTimeout(open, Math.min(20000, 2000 * retry) + Math.random() * 3000);
        refresh();
      }
    };
  }

  setInterval(function () {
    if (!ended && !document.hidden && Date.now() - Math.max(heard, looked) > SILENT)
      say("The server does not answer. This page is as it was " + words(Date.now() - shown) + " ago, and may not be true any more.");
  }, 1000);
  function left() {
    if (source) source.close();
  }
  addEventListener("pagehide", left);
  addEventListener("pageshow", function (e) { if (e.persisted) { looked = Date.now(); open(); refresh(); } });
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) { left(); return; }
    looked = Date.now();
    open();
    refresh();
  });
  inSight();
  open();
})();
