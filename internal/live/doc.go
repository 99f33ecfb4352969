// Package live carries GraphQL operations over WebSocket and server-sent events: mainly subscriptions, but also queries
// and mutations.
//
// It owns what a client subscribes to and who executes it: which message may come when, who is signed in on a socket,
// the execution of operations, feeds, the groups of equal subscriptions that share one execution and its encoded bytes,
// the excerpts that such subscriptions share while they are behind, and the orderly shutdown of all sockets. It refuses to know the schema, the log or the database: the
// graphql.GraphExecutor that it is given executes an operation, and the Session puts what resolvers need (the viewer)
// into the operation's context. Package conn moves a socket's bytes; package wire defines them.
//
// Goroutines: each socket has one that reads. Each operation has one until the operation ends or, as a subscription,
// joins its group. Each group has one. There is one writer for each core. A socket has one more goroutine while its peer
// does not take what is sent. Every goroutine ends with the thing it serves, and Server.Close waits for all of them.
//
// A resolver returns the channel that Follow makes, or a channel of its own, which ends with an error by Fail. It must
// not call gqlgen's transport.AddSubscriptionError, which panics under any transport but gqlgen's own.
//
// In comments, "Protocol" is the GraphQL over WebSocket Protocol:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
package live
