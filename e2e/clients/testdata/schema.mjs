// Prints the schema of a running server, as its introspection tells it.
//
//   node schema.mjs URL TOKEN
import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";
import { post } from "./feed.mjs";

const [url, token] = process.argv.slice(2);
console.log(printSchema(buildClientSchema(await post(url, token, getIntrospectionQuery({ oneOf: true, inputValueDeprecation: true })))));
