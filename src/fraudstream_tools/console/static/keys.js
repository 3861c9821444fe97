// Keys for people who work here all day, and a word where an answer takes long. Every page does without them.
// It runs before the page is shown, so that no key is lost: what is pressed before the page is whole waits for it.
"use strict";

const early = [];
let isWhole = false;
let rows = [];
let chosen = -1;
let sending = 0;
const off = "keys-off";

// Where the browser keeps nothing, keys stay on.
function areOff() {
  try {
    return localStorage.getItem(off) !== null;
  } catch {
    return false;
  }
}

// Who speaks to the browser, or hits keys unmeant, needs none of them.
function turn(isOn) {
  try {
    if (isOn) localStorage.removeItem(off);
    else localStorage.setItem(off, "1");
  } catch {
    document.getElementById("keys-on").checked = true;
  }
}

function choose(step) {
  if (!rows.length) return;
  if (chosen >= 0) rows[chosen].classList.remove("chosen");
  chosen = Math.min(Math.max(chosen + step, 0), rows.length - 1);
  rows[chosen].classList.add("chosen");
  rows[chosen].querySelector("a").focus();
}

function decide(key) {
  const button = document.querySelector(`button[data-note="${key}"]`);
  const note = document.getElementById("note");
  if (!button || !note) return;
  note.focus();
  // Enter in the note sends the form by the button that the key named.
  note.onkeydown = (event) => {
    if (event.key !== "Enter" || isComposing(event)) return;
    event.preventDefault();
    note.form.requestSubmit(button);
  };
  document.querySelectorAll("button[data-note]").forEach((each) => each.classList.toggle("chosen", each === button));
}

const actions = {
  j: () => choose(1),
  k: () => choose(-1),
  f: () => decide("f"),
  l: () => decide("l"),
  a: () => document.querySelector('button[data-key="a"]')?.click(),
  n: () => document.querySelector('a[data-key="n"]')?.click(),
  "/": () => document.getElementById("q").focus(),
  "?": () => document.getElementById("help").showModal(),
};

function press(key) {
  const action = actions[key];
  action?.();
  return Boolean(action);
}

function isWriting(at) {
  return at.matches("input, select, textarea");
}

// Keys that choose the characters of a word, as in Japanese, are the input method's. Safari tells them by their code alone.
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

// A reason is measured as it is when it is sent: in bytes, of which a letter may take four.
function measure(field) {
  const text = field.value.trim().replace(/\s+/g, " ");
  const over = new TextEncoder().encode(text).length - Number(field.dataset.bytes);
  const most = `${field.dataset.bytes} bytes (a letter takes one to four)`;
  field.setCustomValidity(over > 0 ? `This is ${over} bytes longer than ${most}: shorten it, or name a ticket.` : "");
}

document.addEventListener("input", (event) => {
  if (event.target.dataset.bytes) measure(event.target);
});

// A case of many alerts takes seconds, one after the other, and a second press would only wait behind the first.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || !event.target.closest("main")) return;
  if (sending) event.preventDefault();
  else sending = setTimeout(() => (document.getElementById("working").textContent = "Working on it…"), 300);
});

// Whoever comes back to a page as it was left may send its forms again.
window.addEventListener("pageshow", () => {
  clearTimeout(sending);
  sending = 0;
  document.getElementById("working").textContent = "";
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target) || areOff()) return;
  if (!isWhole) {
    early.push(event.key);
    event.preventDefault();
  } else if (!document.getElementById("help").open && press(event.key)) event.preventDefault();
});

document.addEventListener("DOMContentLoaded", () => {
  rows = [...document.querySelectorAll("table.rows tbody tr")].filter((row) => row.querySelector("a"));
  document.querySelectorAll("[data-bytes]").forEach(measure);
  const helpButton = document.getElementById("help-button");
  helpButton.hidden = false;
  helpButton.addEventListener("click", actions["?"]);
  const keysOn = document.getElementById("keys-on");
  keysOn.checked = !areOff();
  keysOn.addEventListener("change", () => turn(keysOn.checked));
  for (const key of early) {
    const at = document.activeElement;
    // Behind `f`, what was pressed is the note's beginning.
    if (!isWriting(at)) press(key);
    else if (key === "Enter") at.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
    else if (key.length === 1) at.value += key;
  }
  isWhole = true;
});
