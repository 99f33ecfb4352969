import { createClient } from "graphql-ws";

// Close codes after which a retry cannot help: see "Close codes of WebSockets" in docs/errors.md.
const FINAL = [1002, 1007, 1009, 4400, 4401, 4403, 4406, 4409, 4429, 4500, 4510];

export function connect(url, token, options = {}) {
  let named = 0; // milliseconds that the last close reason asked to wait
  const client = createClient({
    ...options,
    url,
    connectionParams: { token },
    retryAttempts: Infinity,
    // A server that cannot be reached is an error without a code: retry.
    shouldRetry: (event) => !FINAL.includes(event?.code),
    retryWait: async (retries) => {
      const within = Math.min(30_000, 1000 * 2 ** retries);
      await new Promise((done) => setTimeout(done, named + Math.random() * within));
      named = 0;
    },
    on: { closed: (event) => { named = Number(/retry after (\d+) ms/.exec(event?.reason)?.[1] ?? 0); } },
  });
  return {
    ...client,
    subscribe(payload, sink) {
      const variables = { ...payload.variables };
      return client.subscribe({ ...payload, variables }, {
        ...sink,
        next(result) {
          // graphql-ws subscribes again with the variables as they are then.
          variables.after = result.data?.caseEvents?.cursor ?? variables.after;
          sink.next(result);
        },
      });
    },
  };
}
