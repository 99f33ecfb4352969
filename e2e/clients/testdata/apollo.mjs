// Apollo Client with its default settings against a running server. Prints what it saw as JSON; the test compares.
//
//   node apollo.mjs URL TOKEN
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { addNote, arrivals, connect, relayTo, throughCutAndOutage } from "./feed.mjs";

const [url, token] = process.argv.slice(2);
const relay = await relayTo(url);
const http = new HttpLink({ uri: url, headers: { Authorization: `Bearer ${token}` } });
const sockets = new GraphQLWsLink(connect(relay.url, token));
const link = ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, sockets, http);
const client = new ApolloClient({ link, cache: new InMemoryCache({ typePolicies: { Query: { fields: { cases: relayStylePagination() } } } }) });

const CASES = gql`query ($first: Int, $after: String) {
  cases(first: $first, after: $after) { feedCursor edges { cursor node { id number status } } pageInfo { hasNextPage endCursor } }
}`;
const EVENTS = gql`query ($filter: CaseFilter) {
  caseEvents(first: 100, filter: $filter) { edges { cursor matches node { id type } } }
}`;
const CLOSE = gql`mutation ($input: UpdateCaseStatusInput!) { updateCaseStatus(input: $input) { case { id status version } } }`;
const WATCH = gql`subscription ($after: String, $filter: CaseFilter) {
  caseEvents(after: $after, filter: $filter) { cursor matches node { id type note { body } case { id version } } }
}`;

const seen = {};

// Query and page: the second page joins the first in the cache.
const cases = client.watchQuery({ query: CASES, variables: { first: 2 } });
const first = await new Promise((resolve) => cases.subscribe((r) => !r.loading && r.data && resolve(r)));
await cases.fetchMore({ variables: { after: first.data.cases.pageInfo.endCursor } });
seen.pages = client.readQuery({ query: CASES, variables: { first: 2 } }).cases.edges.map(({ node }) => node.number);
const feedCursor = first.data.cases.feedCursor;
const opened = first.data.cases.edges[0].node;

// Mutate: the case of the list has its new status without another query.
await client.mutate({ mutation: CLOSE, variables: { input: { caseId: opened.id, status: "CLOSED", note: "Solved." } } });
seen.afterMutation = client.readQuery({ query: CASES, variables: { first: 2 } }).cases.edges[0].node.status;

// Two filters over the same events: each list keeps its own answer of `matches`.
const open = { status: ["OPEN"] }, closed = { status: ["CLOSED"] };
await client.query({ query: EVENTS, variables: { filter: open } });
await client.query({ query: EVENTS, variables: { filter: closed } });
const matches = (filter) => client.readQuery({ query: EVENTS, variables: { filter } }).caseEvents.edges
  .filter(({ node }) => node.type === "STATUS_CHANGED").map((edge) => edge.matches);
seen.matches = { open: matches(open), closed: matches(closed) };

// Subscribe, lose the connection, and go on.
const events = arrivals();
const subscription = client.subscribe({ query: WATCH, variables: { after: feedCursor } })
  .subscribe(({ data, error }) => events.push(error?.message ?? (data.caseEvents.node.type === "NOTE_ADDED" ? data.caseEvents.node.note.body : data.caseEvents.node.type)));
seen.events = await throughCutAndOutage(relay, events, (text) => addNote(url, token, opened.id, text));
subscription.unsubscribe();

// A wrong query is an error of GraphQL with its code, not a failure of the network.
const wrong = await client.query({ query: gql`{ nothing }`, errorPolicy: "all" }).catch((error) => ({ error }));
seen.wrong = wrong.error.errors?.[0]?.extensions?.code ?? String(wrong.error);

relay.close();
console.log(JSON.stringify(seen));
process.exit(0);
