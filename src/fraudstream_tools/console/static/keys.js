// Keys for people who work here all day. Every page does without them.
"use strict";

const rows = [...document.querySelectorAll("table.rows tbody tr")].filter((row) => row.querySelector("a"));
const help = document.getElementById("help");
const helpButton = document.getElementById("help-button");
let chosen = -1;

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
    if (event.key !== "Enter") return;
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
  "/": () => document.getElementById("q").focus(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || at.matches("input, select, textarea")) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
