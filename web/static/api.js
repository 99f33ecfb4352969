// The client of the GraphQL API: its address, the token, single requests, and the feed.
//
// The feed uses the protocol graphql-transport-ws. No event is lost: after a lost connection, follow resumes after the
// last cursor that it received. If the server does not know that cursor any more (FEED_RESET), the view reads its list again.

const endpoint = new URL("graphql", document.baseURI);

// AccessDenied: the token is not valid, or may not do this. The user must enter another token.
export class AccessDenied extends Error {}

// InvalidRequest: the server rejects the request itself. A retry cannot help; a newer version of the page might.
export class InvalidRequest extends Error {}

// FeedReset: the feed cannot resume from the view's cursor. The view must read its list again.
export class FeedReset extends Error {}

const key = "closeloop.token";
let inMemory = null; // for browsers that refuse to store anything

export const token = {
  get() {
    try {
      return inMemory ?? sessionStorage.getItem(key) ?? localStorage.getItem(key);
    } catch {
      return inMemory;
    }
  },
  save(secret, remember) {
    inMemory = secret;
    try {
      (remember ? localStorage : sessionStorage).setItem(key, secret);
    } catch { /* the token stays in memory only */ }
  },
  clear() {
    inMemory = null;
    try {
      sessionStorage.removeItem(key);
      localStorage.removeItem(key);
    } catch { /* nothing was stored */ }
  },
};

// now returns the server's time, because a wrong clock on this device would show wrong ages.
let clockOffset = 0; // milliseconds from this device's clock to the server's
export const now = () => Date.now() + clockOffset;

function setClock(header) {
  const difference = Date.parse(header) + 500 - Date.now(); // the header has whole seconds, so this is the middle of one
  if (Math.abs(difference) > 2000) clockOffset = difference;
  else if (!Number.isNaN(difference)) clockOffset = 0;
}

// request sends one query and returns its data.
export async function request(query, variables) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token.get()}` },
    body: JSON.stringify({ query, variables }),
    cache: "no-store",
    signal: AbortSignal.timeout?.(20_000),
  });
  setClock(response.headers.get("Date"));
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new AccessDenied("This token is not valid.");
  if (answer.errors || !response.ok) {
    const error = answer.errors ? toError(answer.errors) : new Error(`The server answered ${response.status}.`);
    error.retryAfter = 1000 * Number(response.headers.get("Retry-After") ?? 0);
    throw error;
  }
  return answer.data;
}

const invalidCodes = ["BAD_USER_INPUT", "QUERY_TOO_COSTLY", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"];

function toError(errors) {
  const code = errors[0]?.extensions?.code;
  if (code === "UNAUTHENTICATED") return new AccessDenied("This token is not valid.");
  if (code === "FORBIDDEN") return new AccessDenied(`This token may not read cases: ${errors[0].message}.`);
  if (code === "FEED_RESET") return new FeedReset();
  const message = errors[0]?.message ?? "The server gave no reason.";
  return invalidCodes.includes(code) ? new InvalidRequest(message) : new Error(message);
}

// follow reads a view's list and then passes every event of the feed to the view. It reconnects after errors, and ends
// only when it throws AccessDenied or InvalidRequest.
//
//   view.read()          shows the list; returns the cursor to subscribe after
//   view.query           the subscription; takes $after
//   view.variables       the other variables of the subscription
//   view.event(event)    shows an event; may throw FeedReset
//   view.live()          is called whenever the feed is connected
//
// showState(name, reason) shows whether the page is live.
export async function follow(view, showState) {
  let after = null;
  for (let failures = 0; ; failures++) {
    let liveSince = Infinity, least = 0;
    try {
      after ??= await view.read();
      await stream(view.query, { ...view.variables, after }, () => {
        liveSince = Date.now();
        showState("live");
        view.live();
      }, (event) => {
        after = event.cursor;
        view.event(event);
      });
    } catch (error) {
      if (error instanceof AccessDenied || error instanceof InvalidRequest) throw error;
      if (error instanceof FeedReset) after = null;
      else showState("reconnecting", error.message);
      least = error.retryAfter || 0;
    }
    if (Date.now() - liveSince > 10_000) failures = 0; // the connection was good, so the first retry is soon
    await waitForRetry(least + retryWithin(failures) * Math.random(), least);
  }
}

// retryWithin returns the time within which a page comes back after so many failures. All pages lose a server at the same
// moment, and must not come back at the same moment.
const retryWithin = (failures) => Math.min(30_000, 1000 * 2 ** failures);

// waitForRetry waits for the given time. When the network is back, it waits no longer than the server has asked for.
function waitForRetry(ms, least) {
  const began = Date.now();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", online);
      resolve();
    };
    const online = () => {
      clearTimeout(timer);
      timer = setTimeout(done, Math.max(0, began + least - Date.now()));
    };
    let timer = setTimeout(done, ms);
    addEventListener("online", online);
  });
}

// toLostConnection makes the error of a closed socket. A server that cannot serve the page now names the time after which
// the page may come back.
function toLostConnection(reason) {
  const error = new Error(reason || "The connection was lost.");
  const named = /retry after (\d+) ms/.exec(reason);
  if (named) error.retryAfter = Number(named[1]);
  return error;
}

const pingInterval = 15_000;

// stream runs one subscription on a socket of its own. When either ends, the promise rejects with the reason.
function stream(query, variables, onLive, onEvent) {
  return new Promise((_, reject) => {
    const url = new URL(endpoint);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));

    // Scripts do not see the server's ping frames, so the page sends pings of its own. If nothing arrives for a whole
    // interval, the connection is lost. The page counts unanswered pings, not seconds, because browsers slow down the
    // timers of hidden pages.
    let silent = true;
    const heartbeat = setInterval(() => {
      if (silent) return end(new Error("The server does not answer."));
      silent = true;
      send({ type: "ping" });
    }, pingInterval);
    const offline = () => end(new Error("There is no network."));
    addEventListener("offline", offline);

    function end(reason) {
      clearInterval(heartbeat);
      removeEventListener("offline", offline);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      reject(reason);
    }

    const handlers = {
      connection_ack() {
        send({ id: "1", type: "subscribe", payload: { query, variables } });
        onLive();
      },
      ping: (message) => send({ type: "pong", payload: message.payload }),
      pong() {},
      next(message) {
        const event = message.payload.data?.caseEvents;
        if (!event) throw message.payload.errors ? toError(message.payload.errors) : new FeedReset();
        onEvent(event);
      },
      error(message) { throw toError(message.payload); },
      complete() { throw new Error("The feed ended."); },
    };

    socket.onopen = () => send({ type: "connection_init", payload: { token: token.get() } });
    socket.onmessage = ({ data }) => {
      silent = false;
      try {
        const message = JSON.parse(data);
        handlers[message.type]?.(message);
      } catch (error) {
        end(error);
      }
    };
    socket.onclose = ({ code, reason }) => {
      if (code === 4403 || code === 4401) end(new AccessDenied("This token is not valid any more."));
      else end(toLostConnection(reason));
    };
  });
}
