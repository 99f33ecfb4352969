// urql with its default settings (it sends short queries by GET) and its normalised cache against a running server.
// Prints what it saw as JSON; the test compares.
//
//   node urql.mjs URL TOKEN documents|normalised
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { cacheExchange as graphcache } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { addNote, arrivals, connect, relayTo, throughCutAndOutage } from "./feed.mjs";

const [url, token, kind] = process.argv.slice(2);
const relay = await relayTo(url);
const socket = connect(relay.url, token);

const open = (cache) => new Client({
  url,
  fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
  exchanges: [cache, fetchExchange, subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, sink) }),
    }),
  })],
});

const CASES = gql`query ($first: Int, $after: String) {
  cases(first: $first, after: $after) { feedCursor edges { cursor node { id number status } } pageInfo { hasNextPage endCursor } }
}`;
const EVENTS = gql`query ($filter: CaseFilter) {
  caseEvents(first: 100, filter: $filter) { edges { cursor matches node { id type } } }
}`;
const CLOSE = gql`mutation ($input: UpdateCaseStatusInput!) { updateCaseStatus(input: $input) { case { id status version } } }`;
const WATCH = gql`subscription ($after: String) {
  caseEvents(after: $after) { cursor matches node { id type note { body } case { id version } } }
}`;

async function data(result) {
  const answer = await result;
  if (answer.error) throw answer.error;
  return answer.data;
}

async function run(client) {
  const seen = {};
  const first = await data(client.query(CASES, { first: 2 }));
  const second = await data(client.query(CASES, { first: 2, after: first.cases.pageInfo.endCursor }));
  seen.pages = second.cases.edges.map(({ node }) => node.number);
  const opened = first.cases.edges[0].node;

  await data(client.mutation(CLOSE, { input: { caseId: opened.id, status: "IN_PROGRESS", note: "Called." } }));
  seen.afterMutation = (await data(client.query(CASES, { first: 2 }))).cases.edges[0].node.status;

  // Two filters over the same events: each list keeps its own answer of `matches`, also when it is read from the cache.
  const filters = { open: { status: ["OPEN"] }, moved: { status: ["IN_PROGRESS"] } };
  for (const filter of Object.values(filters)) await data(client.query(EVENTS, { filter }));
  seen.matches = {};
  for (const [name, filter] of Object.entries(filters)) {
    const again = await data(client.query(EVENTS, { filter }, { requestPolicy: "cache-only" }));
    seen.matches[name] = again.caseEvents.edges.filter(({ node }) => node.type === "STATUS_CHANGED").map((edge) => edge.matches);
  }

  const events = arrivals();
  const subscription = client.subscription(WATCH, { after: first.cases.feedCursor })
    .subscribe(({ data, error }) => events.push(error?.message ?? (data.caseEvents.node.type === "NOTE_ADDED" ? data.caseEvents.node.note.body : data.caseEvents.node.type)));
  seen.events = await throughCutAndOutage(relay, events, (text) => addNote(url, token, opened.id, text));
  subscription.unsubscribe();

  const wrong = await client.query(gql`{ nothing }`, {});
  seen.wrong = wrong.error?.graphQLErrors[0]?.extensions.code ?? String(wrong.error);
  return seen;
}

const normalised = graphcache({ resolvers: { Query: { cases: relayPagination() } } });
const caches = { documents: cacheExchange, normalised };
const seen = await run(open(caches[kind]));
relay.close();
console.log(JSON.stringify(seen));
process.exit(0);
