// The audits of graphql-http, the reference suite for GraphQL over HTTP. Prints every audit that is not passed.
//
//   node audit.mjs URL TOKEN
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (address, options = {}) => fetch(address, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
const audits = serverAudits({ url, fetchFn });
const results = [];
for (const audit of audits) {
  const { status, id, name, reason } = await audit.fn();
  if (status !== "ok") results.push({ status, id, name, reason });
}
console.log(JSON.stringify({ audits: audits.length, results }));
