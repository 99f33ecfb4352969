// The operations of relay.mjs, for Relay's compiler.
graphql`query boardCasesQuery($first: Int, $after: String) {
  cases(first: $first, after: $after) @connection(key: "board_cases") {
    feedCursor
    edges { node { id number status } }
    pageInfo { hasNextPage endCursor }
  }
}`;

graphql`mutation boardCloseMutation($input: UpdateCaseStatusInput!) {
  updateCaseStatus(input: $input) { case { id status version } }
}`;

graphql`query boardOpenEventsQuery {
  caseEvents(first: 100, filter: { status: [OPEN] }) @connection(key: "boardOpen_caseEvents", filters: ["filter"]) {
    edges { cursor matches node { id type } }
  }
}`;

graphql`query boardClosedEventsQuery {
  caseEvents(first: 100, filter: { status: [CLOSED] }) @connection(key: "boardClosed_caseEvents", filters: ["filter"]) {
    edges { cursor matches node { id type } }
  }
}`;

graphql`subscription boardWatchSubscription($after: String, $connections: [ID!]!) {
  caseEvents(after: $after) @appendEdge(connections: $connections) {
    cursor
    matches
    node { id type note { body } case { id version } }
  }
}`;
