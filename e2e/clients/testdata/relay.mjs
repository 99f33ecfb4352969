// Relay's runtime with its default settings, and with what its compiler made of the operations in this folder, against a
// running server. Prints what it saw as JSON; the test compares.
//
//   node relay.mjs URL TOKEN
import relayRuntime from "relay-runtime";
import { addNote, arrivals, connect, post, relayTo, throughCutAndOutage } from "./feed.mjs";
import CASES from "./__generated__/boardCasesQuery.graphql.js";
import CLOSE from "./__generated__/boardCloseMutation.graphql.js";
import CLOSED from "./__generated__/boardClosedEventsQuery.graphql.js";
import OPEN from "./__generated__/boardOpenEventsQuery.graphql.js";
import WATCH from "./__generated__/boardWatchSubscription.graphql.js";

const { ConnectionHandler, Environment, Network, Observable, RecordSource, Store, commitMutation, createOperationDescriptor,
  fetchQuery, requestSubscription } = relayRuntime;

const [url, token] = process.argv.slice(2);
const relay = await relayTo(url);
const socket = connect(relay.url, token);

async function request({ text }, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: text, variables }),
  });
  return response.json();
}

const subscribe = ({ text, name }, variables) =>
  Observable.create((sink) => socket.subscribe({ operationName: name, query: text, variables }, sink));

const environment = new Environment({ network: Network.create(request, subscribe), store: new Store(new RecordSource()) });
const run = (query, variables = {}) => {
  environment.retain(createOperationDescriptor(query, variables)); // as a mounted component does
  return fetchQuery(environment, query, variables).toPromise();
};
const read = (query, variables = {}) => environment.lookup(createOperationDescriptor(query, variables).fragment).data;

const seen = {};
const first = await run(CASES, { first: 2 });
await run(CASES, { first: 2, after: first.cases.pageInfo.endCursor });
const listed = read(CASES, { first: 2 }).cases.edges.map(({ node }) => node);
seen.pages = listed.map(({ number }) => number);
const opened = listed[0];

await new Promise((onCompleted, onError) => commitMutation(environment, {
  mutation: CLOSE, variables: { input: { caseId: opened.id, status: "CLOSED", note: "Solved." } }, onCompleted, onError,
}));
seen.afterMutation = read(CASES, { first: 2 }).cases.edges[0].node.status;

await run(OPEN);
await run(CLOSED);
const matches = (query) => read(query).caseEvents.edges.filter(({ node }) => node.type === "STATUS_CHANGED").map((edge) => edge.matches);
seen.matches = { open: matches(OPEN), closed: matches(CLOSED) };

// The feed appends its edges to the connection of the query, across a cut.
const connection = ConnectionHandler.getConnectionID("client:root", "boardClosed_caseEvents", { filter: { status: ["CLOSED"] } });
const before = read(CLOSED).caseEvents.edges.length;
const events = arrivals();
const subscription = requestSubscription(environment, {
  subscription: WATCH,
  variables: { after: first.cases.feedCursor, connections: [connection] },
  onNext: ({ caseEvents }) => events.push(caseEvents.node.type === "NOTE_ADDED" ? caseEvents.node.note.body : caseEvents.node.type),
  onError: (error) => events.push(error.message),
});
seen.events = await throughCutAndOutage(relay, events, (text) => addNote(url, token, opened.id, text));
seen.appended = read(CLOSED).caseEvents.edges.slice(before).map(({ node }) => node.type);
subscription.dispose();

const { node } = await post(url, token, "query ($id: ID!) { node(id: $id) { __typename ... on Case { status } } }", { id: opened.id });
seen.refetched = node;

relay.close();
console.log(JSON.stringify(seen));
process.exit(0);
