// The API as this page uses it: where it is, whose token, how to ask it once, and how to follow its feed.
//
// The feed speaks graphql-transport-ws. Whoever follows it loses nothing: after any break it goes on behind the last
// cursor that it saw, and where the server does not know that place any more (FEED_RESET) it reads the list again.

const endpoint = new URL("graphql", document.baseURI);

// Refused: the token does not work, or not for this. The person must give another.
export class Refused extends Error {}

// Mistake: the page asks for what can't be. Asking again would not help; the next version of the page might.
export class Mistake extends Error {}

// Reset: what is shown can't be continued; it must be read again.
export class Reset extends Error {}

const key = "closeloop.token";
let held = null; // for browsers that keep nothing for us

export const token = {
  get() {
    try {
      return held ?? sessionStorage.getItem(key) ?? localStorage.getItem(key);
    } catch {
      return held;
    }
  },
  keep(secret, remember) {
    held = secret;
    try {
      (remember ? localStorage : sessionStorage).setItem(key, secret);
    } catch { /* held is all there is */ }
  },
  forget() {
    held = null;
    try {
      sessionStorage.removeItem(key);
      localStorage.removeItem(key);
    } catch { /* nothing was kept */ }
  },
};

// now is the server's time: a screen's own clock may be wrong, and ages would be too.
let ahead = 0;
export const now = () => Date.now() + ahead;

function setClock(header) {
  const difference = Date.parse(header) + 500 - Date.now(); // the header has whole seconds
  if (Math.abs(difference) > 2000) ahead = difference;
  else if (!Number.isNaN(difference)) ahead = 0;
}

// ask sends one query and answers with its data.
export async function ask(query, variables) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token.get()}` },
    body: JSON.stringify({ query, variables }),
    cache: "no-store",
    signal: AbortSignal.timeout?.(20_000),
  });
  setClock(response.headers.get("Date"));
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Refused("This token does not work.");
  if (answer.errors) throw failure(answer.errors);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return answer.data;
}

const mistakes = ["BAD_USER_INPUT", "COMPLEXITY_LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"];

function failure(errors) {
  const code = errors[0]?.extensions?.code;
  if (code === "UNAUTHENTICATED") return new Refused("This token does not work.");
  if (code === "FORBIDDEN") return new Refused(`This token may not read cases: ${errors[0].message}.`);
  if (code === "FEED_RESET") return new Reset();
  const message = errors[0]?.message ?? "The server said no more.";
  return mistakes.includes(code) ? new Mistake(message) : new Error(message);
}

// follow reads a view and then hands it every event, for ever. It ends only with Refused or Mistake.
//
//   view.read()          shows the list; answers with the place in the feed to go on from
//   view.query           the subscription; it takes $after
//   view.variables       its other variables
//   view.event(event)    shows what happened; may throw Reset
//   view.live()          the feed flows (again)
export async function follow(view, state) {
  let after = null;
  for (let failures = 0; ; failures++) {
    let since = Infinity;
    try {
      after ??= await view.read();
      await stream(view.query, { ...view.variables, after }, () => {
        since = Date.now();
        state("live");
        view.live();
      }, (event) => {
        after = event.cursor;
        view.event(event);
      });
    } catch (error) {
      if (error instanceof Refused || error instanceof Mistake) throw error;
      if (error instanceof Reset) after = null;
      else state("reconnecting", error.message);
    }
    if (Date.now() - since > 10_000) failures = 0; // it did work for a while
    await pause(Math.min(30_000, 500 * 2 ** failures) * (0.5 + Math.random() / 2));
  }
}

// pause waits, but no longer than the network is away: a screen that is plugged in again should not sit out its time.
function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}

const pingEvery = 15_000;

// stream runs one subscription on one socket until either ends, and then rejects with the reason.
function stream(query, variables, onLive, onEvent) {
  return new Promise((_, reject) => {
    const url = new URL(endpoint);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));

    // The server's pings are frames that scripts don't see, so we ping too: silence for a whole interval is an end.
    // It counts unanswered pings, not seconds, because browsers slow the timers of hidden pages down.
    let silent = true;
    const watch = setInterval(() => {
      if (silent) return end(new Error("The server is silent."));
      silent = true;
      send({ type: "ping" });
    }, pingEvery);
    const offline = () => end(new Error("There is no network."));
    addEventListener("offline", offline);

    function end(reason) {
      clearInterval(watch);
      removeEventListener("offline", offline);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      reject(reason);
    }

    const take = {
      connection_ack() {
        send({ id: "1", type: "subscribe", payload: { query, variables } });
        onLive();
      },
      ping: (message) => send({ type: "pong", payload: message.payload }),
      pong() {},
      next(message) {
        const event = message.payload.data?.caseEvents;
        if (!event) throw message.payload.errors ? failure(message.payload.errors) : new Reset();
        onEvent(event);
      },
      error(message) { throw failure(message.payload); },
      complete() { throw new Error("The feed ended."); },
    };

    socket.onopen = () => send({ type: "connection_init", payload: { token: token.get() } });
    socket.onmessage = ({ data }) => {
      silent = false;
      try {
        const message = JSON.parse(data);
        take[message.type]?.(message);
      } catch (error) {
        end(error);
      }
    };
    socket.onclose = ({ code, reason }) => {
      if (code === 4403 || code === 4401) end(new Refused("This token does not work any more."));
      else end(new Error(reason || "The connection was lost."));
    };
  });
}
