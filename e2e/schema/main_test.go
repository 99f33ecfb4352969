// Package schema holds end-to-end tests of the GraphQL schema: descriptions, rights, and the contract with clients.
package schema
