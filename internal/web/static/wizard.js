// Comfort for the wizard's pages; everything works without it. It moves focus to the heading, shows times in the browser's
// zone, copies a link, and asks every few seconds whether the run has moved on.
"use strict";

const pause = 3000;
const warnAt = 5; // minutes before the set-up permission ends

const say = (text) => {
  const status = document.getElementById("status");
  if (text && status.textContent !== text) status.textContent = text;
};

function localTimes(root) {
  const forms = {
    minute: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
    second: { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
  };
  for (const time of root.querySelectorAll("time[data-zone]")) {
    const format = new Intl.DateTimeFormat(document.documentElement.lang + "-GB", forms[time.dataset.zone]);
    time.textContent = format.format(new Date(time.dateTime));
  }
}

function comforts(root) {
  localTimes(root);
  for (const button of root.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = "Copied";
      say(button.dataset.copied);
    });
  }
  for (const button of root.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}

// replaceCard puts the new page's card in the place of the old one. Focus, a choice not yet sent, and an opened
// "Stop set-up" are kept.
function replaceCard(page) {
  const old = document.getElementById("card");
  const fresh = document.importNode(page.getElementById("card"), true);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const checked = Array.from(old.querySelectorAll("input:checked"), (input) => input.id);
  const open = old.querySelector("details[open]") !== null;
  comforts(fresh);
  old.replaceWith(fresh);
  for (const id of checked) {
    const input = document.getElementById(id);
    if (input) input.checked = true;
  }
  if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  if (focused) {
    const again = (focused.id && document.getElementById(focused.id)) || sameControl(fresh, focused) || fresh.querySelector("h1");
    again.focus({ preventScroll: true });
  }
  document.title = page.title;
  say(fresh.dataset.announce);
}

const sameControl = (root, control) =>
  Array.from(root.querySelectorAll("a, button, summary")).find((c) => c.textContent === control.textContent);

let warned = false;
function showMinutes(left) {
  const shown = document.getElementById("minutes");
  if (!shown || !left) return;
  shown.textContent = left === 1 ? "1 minute" : left + " minutes";
  if (left > warnAt || warned) return;
  warned = true;
  shown.closest(".limit").classList.add("soon");
  say("The set-up permission ends in " + shown.textContent + ". Your progress is kept.");
}

async function look() {
  const body = document.body;
  const answer = await fetch(body.dataset.status, { cache: "no-store" });
  if (!answer.ok) return answer.status >= 500; // a refusal is final, trouble is not
  const now = await answer.json();
  showMinutes(now.minutes_left);
  if (String(now.version) === body.dataset.version) return true;
  if (!location.pathname.endsWith("/" + now.step) || now.phase === "unconfirmed") {
    location.assign(body.dataset.status.replace(/\/status$/, ""));
    return false;
  }
  const reply = await fetch(location.pathname, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  if (!reply.ok || !page.getElementById("card")) return true;
  if (new URL(reply.url).pathname !== location.pathname) {
    location.assign(reply.url);
    return false;
  }
  replaceCard(page);
  if (!page.body.dataset.status) return false; // the run is over
  body.dataset.version = page.body.dataset.version;
  return true;
}

// poll asks while the page is in sight, and at once when the person comes back from NetSuite's tab.
function poll() {
  let timer;
  let busy = false;
  const ask = async () => {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    let again = true;
    try {
      again = await look();
    } catch {
      // The network is away for a moment; the page stays as it is.
    }
    busy = false;
    if (again) timer = setTimeout(ask, pause);
    else document.removeEventListener("visibilitychange", ask);
  };
  document.addEventListener("visibilitychange", ask);
  timer = setTimeout(ask, pause);
}

comforts(document);
if (!location.hash) document.querySelector("h1").focus({ preventScroll: true });
if (document.body.dataset.status) poll();
const left = parseInt(document.getElementById("minutes")?.textContent, 10);
if (left <= warnAt) setTimeout(showMinutes, 1000, left);
