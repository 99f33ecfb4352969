// What the tests of Apollo Client, urql and Relay share: a connection that can be cut and refused, and the client of
// graphql-ws that docs/clients.md shows (connect.mjs).
import net from "node:net";
import WebSocket from "ws";
import * as shown from "./connect.mjs";

// relayTo listens on a port of its own and passes everything on to the server. cut() ends all connections, as a network
// that fails does. Between down() and up() it refuses connections too, as a server does that is started again.
export async function relayTo(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  const listen = (port) => new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  await listen(0);
  const own = server.address().port;
  const cut = () => open.forEach((socket) => socket.destroy());
  const down = () => new Promise((closed) => {
    server.close(closed);
    cut();
  });
  return { url: `ws://127.0.0.1:${own}/graphql`, cut, down, up: () => listen(own), close: down };
}

// refusals collects the connections that nobody accepted.
const refusals = arrivals();

class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on("error", ({ code }) => code === "ECONNREFUSED" && refusals.push(code));
  }
}

export const connect = (url, token) => shown.connect(url, token, { webSocketImpl: Socket });

// arrivals collects what a subscription delivers; until(n) waits for the first n.
export function arrivals() {
  const all = [];
  const waiting = [];
  return {
    all,
    push(item) {
      all.push(item);
      for (const { n, resolve } of waiting) if (all.length >= n) resolve(all);
    },
    until(n) {
      return new Promise((resolve, reject) => {
        if (all.length >= n) return resolve(all);
        waiting.push({ n, resolve });
        setTimeout(() => reject(new Error(`${all.length} of ${n} events came: ${JSON.stringify(all)}`)), 30_000).unref();
      });
    },
  };
}

// post sends one operation without any library, for what happens beside the client under test.
export async function post(url, token, query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

export const addNote = (url, token, caseId, body) =>
  post(url, token, "mutation ($input: AddNoteInput!) { addNote(input: $input) { note { id } } }", { input: { caseId, body } });

// throughCutAndOutage adds notes before, while and after the connection is cut and then refused, and returns what the
// subscription has delivered: one event that came before, and those of the notes.
export async function throughCutAndOutage(relay, events, addNote) {
  await addNote("before the cut");
  await events.until(2);
  relay.cut();
  await addNote("during the cut");
  await events.until(3);
  const refused = refusals.all.length;
  await relay.down();
  await addNote("during the outage");
  await refusals.until(refused + 1);
  await relay.up();
  await events.until(4);
  await addNote("after the outage");
  return events.until(5);
}
