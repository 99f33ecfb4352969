// What the tests of Apollo Client, urql and Relay share: a connection that can be cut, and the few lines that make a
// graphql-ws client continue from the last cursor (docs/clients.md shows the same lines).
import net from "node:net";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

// relayTo listens on a port of its own and passes everything on to the server. cut() ends all connections, as a network
// that fails does.
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
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `ws://127.0.0.1:${server.address().port}/graphql`,
    cut: () => open.forEach((socket) => socket.destroy()),
    close: () => {
      open.forEach((socket) => socket.destroy());
      server.close();
    },
  };
}

// connect makes a graphql-ws client with its default settings. After a cut, the library sends the subscription again;
// the wrapper puts the last cursor into its variables, so that no event is lost and none comes twice.
export function connect(url, token) {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token } });
  return {
    ...client,
    subscribe(payload, sink) {
      const variables = { ...payload.variables };
      return client.subscribe({ ...payload, variables }, {
        ...sink,
        next(result) {
          variables.after = result.data?.caseEvents?.cursor ?? variables.after;
          sink.next(result);
        },
      });
    },
  };
}

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
