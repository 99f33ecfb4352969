// Which view the address asks for, who looks at it, and whether it is live.

import { follow, Mistake, now, Refused, token } from "./api.js";
import { board } from "./board.js";
import { oneCase } from "./case.js";
import { $, el, say, show } from "./dom.js";
import * as words from "./words.js";

const path = location.pathname.slice(new URL(document.baseURI).pathname.length);
const number = /^cases\/(\d+)$/.exec(path)?.[1];

async function open() {
  stayOn();
  document.addEventListener("visibilitychange", stayOn);
  $("sign-out").hidden = false;
  state("connecting");
  try {
    await follow(number ? oneCase(Number(number)) : board(), state);
  } catch (error) {
    if (error instanceof Refused) leave(error.message);
    else if (error instanceof Mistake) giveUp(error.message);
    else throw error;
  }
}

// leave begins the page anew: nothing of what the token could see is left in it.
function leave(problem) {
  token.forget();
  history.replaceState({ problem }, "");
  location.reload();
}

// giveUp says what is wrong with the address, or with this page: a board that is left on for months may be older than
// the server, so it fetches itself anew.
function giveUp(problem) {
  state("");
  $("view").replaceChildren(el("p", { class: "message", role: "alert" }, `This can't be shown: ${problem}`));
  setTimeout(() => location.reload(), 60_000);
}

const states = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

function state(name, why = "") {
  const element = $("state");
  say(element, states[name] ?? "");
  element.className = name;
  element.title = why;
}

function signIn() {
  show("sign-in");
  const { problem } = history.state ?? {};
  history.replaceState(null, "");
  const complain = (text) => {
    $("problem").hidden = false;
    say($("problem"), text);
  };
  if (problem) complain(problem);
  document.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const secret = $("token").value.trim();
    if (!/^[!-~]+$/.test(secret)) return complain("A token is of letters, digits and signs, without spaces.");
    token.keep(secret, $("remember").checked);
    open();
  });
  $("token").focus();
}

$("sign-out").addEventListener("click", () => leave());

const clock = () => say($("clock"), words.time.format(new Date(now())));
setInterval(clock, 1000);
clock();

// A wallboard's screen stays on, where the browser lets it.
function stayOn() {
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
}

// A page that the browser kept and brings back has a dead feed, and perhaps another person's data.
addEventListener("pageshow", (event) => event.persisted && location.reload());

if (token.get()) open();
else signIn();
