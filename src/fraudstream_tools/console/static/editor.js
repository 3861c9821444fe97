// The editor of rules: says what is wrong while somebody writes, and completes the names that rules can ask for.
// Without it, "Check it" says the same.
"use strict";

const draft = document.getElementById("draft");
const said = document.getElementById("said");
const offered = document.getElementById("offered");
const names = [...document.querySelectorAll("#names code")].map((each) => each.textContent);
let matches = [];
let picked = -1;
let waiting = 0;
let asked = 0;

// --- What is wrong: asked for when nobody has written for half a second; only the answer to the newest question counts.
async function check() {
  const question = ++asked;
  const form = new URLSearchParams({ csrf: draft.form.elements.csrf.value, draft: draft.value });
  let lines;
  try {
    const answer = await fetch("/rules/problems", { method: "POST", body: form });
    if (!answer.ok) throw new Error(answer.statusText);
    const { problems, rules } = await answer.json();
    lines = problems.length ? problems : [`${rules} rules, nothing wrong`];
    said.classList.toggle("bad", problems.length > 0);
  } catch {
    lines = ["The draft could not be checked just now."];
  }
  if (question !== asked) return;
  said.replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
  said.hidden = false;
}

// --- Names: offered for the word before the cursor.
function word() {
  return /[A-Za-z][A-Za-z0-9]*$/.exec(draft.value.slice(0, draft.selectionStart))?.[0] ?? "";
}

function show() {
  offered.replaceChildren(
    ...matches.map((name, place) => {
      const line = Object.assign(document.createElement("li"), { textContent: name, id: `offered-${place}` });
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", String(place === picked));
      line.addEventListener("mousedown", (event) => {
        event.preventDefault();
        take(name);
      });
      return line;
    }),
  );
  offered.hidden = !matches.length;
  if (picked < 0) draft.removeAttribute("aria-activedescendant");
  else draft.setAttribute("aria-activedescendant", `offered-${picked}`);
}

function offer() {
  const begun = word().toLowerCase();
  const fits = begun.length < 2 ? [] : names.filter((name) => name.toLowerCase().includes(begun));
  fits.sort((a, b) => b.toLowerCase().startsWith(begun) - a.toLowerCase().startsWith(begun));
  matches = fits.length === 1 && fits[0] === word() ? [] : fits.slice(0, 8);
  picked = -1;
  show();
}

function take(name) {
  const end = draft.selectionStart;
  draft.setRangeText(name, end - word().length, end, "end");
  matches = [];
  picked = -1;
  show();
  later();
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(check, 500);
}

draft.addEventListener("input", () => {
  offer();
  later();
});
draft.addEventListener("blur", () => {
  matches = [];
  show();
});
draft.addEventListener("keydown", (event) => {
  if (!matches.length || isComposing(event)) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const step = event.key === "ArrowDown" ? 1 : -1;
    picked = picked < 0 && step < 0 ? matches.length - 1 : (picked + step + matches.length) % matches.length;
    show();
  } else if (event.key === "Tab" || (event.key === "Enter" && picked >= 0)) take(matches[Math.max(picked, 0)]);
  else if (event.key === "Escape") {
    matches = [];
    show();
  } else return;
  event.preventDefault();
});

// --- Leaving: a draft is on this page alone, also one that was checked. Its own buttons send it along.
let isSending = false;
draft.form.addEventListener("submit", () => {
  isSending = true;
});
window.addEventListener("beforeunload", (event) => {
  if (!isSending && ("sent" in draft.dataset || draft.value !== draft.defaultValue)) event.preventDefault();
});
