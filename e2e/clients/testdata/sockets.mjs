// The client libraries from npm against a running server. It prints what each of them saw as JSON; the test compares.
//
//   node clients.mjs URL TOKEN CURSOR
import { createClient as createWS } from "graphql-ws";
import { createClient as createSSE } from "graphql-sse";
import transport from "subscriptions-transport-ws";
import WebSocket from "ws";

const [url, token, after] = process.argv.slice(2);
const socketURL = url.replace("http", "ws");
const watch = "subscription ($after: String) { caseEvents(after: $after) { node { type note { body } } } }";
const list = "{ cases { nodes { number } } }";
const wrong = "{ nothing }";

// Each changes what a client says, to a message that breaks the protocol; nothing else would make a library do so.
const subscribe = (type) => JSON.stringify({ id: "1", type, payload: { query: watch, variables: { after } } });
const init = JSON.stringify({ type: "connection_init", payload: { token } });
const mistakes = (start) => ({
  4400: (text) => (text.includes("connection_init") ? ['{"type":'] : [text]),
  4401: (text) => (text.includes("connection_init") ? [subscribe(start)] : [text]),
  4408: () => [],
  4409: (text) => (text.includes(`"${start}"`) ? [text, text] : [text]),
  4429: (text) => (text.includes("connection_init") ? [init, init] : [text]),
});

// tampering makes a WebSocket whose client says something else, and tells with which code it was closed.
function tampering(change, closed) {
  return class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.on("close", (code, reason) => closed({ code, reason: reason.toString() }));
    }
    send(data, ...rest) {
      for (const text of change(data.toString())) super.send(text, ...rest);
    }
  };
}
const asItIs = (text) => [text];

function all(client, payload) {
  return new Promise((resolve) => {
    const seen = { results: [] };
    const stop = client.subscribe(payload, {
      next(result) {
        seen.results.push(result);
        if (payload.query === watch) {
          stop();
          resolve(seen);
        }
      },
      error(error) { resolve({ ...seen, error: error.message ?? error.reason ?? error }); },
      complete() { resolve({ ...seen, complete: true }); },
    });
  });
}

async function graphqlWS() {
  const client = createWS({ url: socketURL, webSocketImpl: WebSocket, connectionParams: { token }, retryAttempts: 0 });
  const seen = {
    event: await all(client, { query: watch, variables: { after } }),
    list: await all(client, { query: list }),
    wrong: await all(client, { query: wrong }),
    codes: {},
  };
  await client.dispose();
  const close = (change, token) =>
    new Promise((resolve) => {
      const client = createWS({
        url: socketURL, webSocketImpl: tampering(change, resolve), connectionParams: { token }, retryAttempts: 0,
      });
      client.subscribe({ query: watch }, { next() {}, error() {}, complete() {} });
    });
  for (const [code, change] of Object.entries(mistakes("subscribe"))) seen.codes[code] = (await close(change, token)).code;
  seen.codes[4403] = (await close(asItIs, "wrong")).code;
  return seen;
}

async function subscriptionsTransportWS() {
  const { SubscriptionClient } = transport;
  const open = (impl, token) => new SubscriptionClient(socketURL, { connectionParams: { token }, reconnect: false }, impl);
  const client = open(WebSocket, token);
  const requests = {
    subscribe(payload, observer) {
      const handle = client.request(payload).subscribe(observer);
      return () => queueMicrotask(() => handle.unsubscribe());
    },
  };
  const seen = {
    event: await all(requests, { query: watch, variables: { after } }),
    list: await all(requests, { query: list }),
    wrong: await all(requests, { query: wrong }),
    codes: {},
  };
  client.close();
  const close = (change, token) =>
    new Promise((resolve) => {
      const client = open(tampering(change, resolve), token);
      client.onError(() => {});
      client.request({ query: watch }).subscribe({ next() {}, error() {}, complete() {} });
    });
  const { 4409: _, ...others } = mistakes("start"); // a second start takes the place of the first
  for (const [code, change] of Object.entries(others)) seen.codes[code] = (await close(change, token)).code;
  seen.codes[4403] = (await close(asItIs, "wrong")).code;
  return seen;
}

async function graphqlSSE() {
  const client = createSSE({ url, headers: { Authorization: `Bearer ${token}` }, retryAttempts: 0 });
  const refused = createSSE({ url, headers: { Authorization: "Bearer wrong" }, retryAttempts: 0 });
  const seen = {
    event: await all(client, { query: watch, variables: { after } }),
    list: await all(client, { query: list }),
    wrong: await all(client, { query: wrong }),
    refused: await all(refused, { query: list }),
  };
  client.dispose();
  refused.dispose();
  return seen;
}

console.log(JSON.stringify({
  "graphql-ws": await graphqlWS(),
  "subscriptions-transport-ws": await subscriptionsTransportWS(),
  "graphql-sse": await graphqlSSE(),
}));
process.exit(0);
