// Serves the database as a GraphQL API that PostGraphile makes from its tables. It ends when its standard input ends, as
// it does when the process that started it ends.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

// PostGraphile wants Node.js 22 for this function alone, of what is used here. Node.js 20 does not have it.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((yes, no) => ((resolve = yes), (reject = no)));
  return { promise, resolve, reject };
};

const instance = postgraphile({
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["public", "peers"] })],
  schema: { connectionFilterRelations: true },
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false },
  grafast: { explain: false },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
const [host, port] = process.env.LISTEN.split(":");
server.listen(Number(port), host);
process.stdin.resume().on("end", () => process.exit(0));
