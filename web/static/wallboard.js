// The entry of the page: signs the user in, chooses the view by the address, and shows whether the view is live.

import { AccessDenied, follow, InvalidRequest, now, token } from "./api.js";
import { boardView } from "./board.js";
import { caseView } from "./case.js";
import { $, el, setText, showTemplate } from "./dom.js";
import * as words from "./words.js";

const path = location.pathname.slice(new URL(document.baseURI).pathname.length);
const number = /^cases\/(\d+)$/.exec(path)?.[1];

async function start() {
  keepScreenOn();
  document.addEventListener("visibilitychange", keepScreenOn);
  $("sign-out").hidden = false;
  showState("connecting");
  try {
    await follow(number ? caseView(Number(number)) : boardView(), showState);
  } catch (error) {
    if (error instanceof AccessDenied) signOut(error.message);
    else if (error instanceof InvalidRequest) showError(error.message);
    else throw error;
  }
}

// signOut reloads the page, so that no data that the token could see stays in it.
function signOut(problem) {
  token.clear();
  history.replaceState({ problem }, "");
  location.reload();
}

// showError shows why the server rejects the request: the address is wrong, or the page is older than the server,
// because a wallboard can stay open for months. So it reloads the page after a minute.
function showError(problem) {
  showState("");
  $("view").replaceChildren(el("p", { class: "message", role: "alert" }, `This page cannot be shown: ${problem}`));
  setTimeout(() => location.reload(), 60_000);
}

const states = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

function showState(name, reason = "") {
  const element = $("state");
  setText(element, states[name] ?? "");
  element.className = name;
  element.title = reason;
}

function signIn() {
  showTemplate("sign-in");
  const { problem } = history.state ?? {};
  history.replaceState(null, "");
  const showProblem = (text) => {
    $("problem").hidden = false;
    setText($("problem"), text);
  };
  if (problem) showProblem(problem);
  document.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const secret = $("token").value.trim();
    if (!/^[!-~]+$/.test(secret)) return showProblem("A token consists of ASCII letters, digits and punctuation, without spaces.");
    token.save(secret, $("remember").checked);
    start();
  });
  $("token").focus();
}

$("sign-out").addEventListener("click", () => signOut());

const clock = () => setText($("clock"), words.time.format(new Date(now())));
setInterval(clock, 1000);
clock();

// keepScreenOn asks the browser not to turn the screen off. Browsers may refuse.
function keepScreenOn() {
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
}

// A page that the browser restores from its cache has lost its feed, and may show another user's data.
addEventListener("pageshow", (event) => event.persisted && location.reload());

if (token.get()) start();
else signIn();
