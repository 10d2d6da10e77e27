// Package faulty is a small MongoDB server for tests: it speaks the wire
// protocol, stores documents by _id, and fails as scripted, which neither a
// healthy MongoDB nor an embedded FerretDB can do on demand.
//
// Commands: hello, ping, buildInfo, insert, update (a document or $set, by _id),
// find (by _id, by $in of _ids, or all, in the order of string _ids if asked),
// getMore, killCursors, count, aggregate (as CountDocuments sends it), create,
// listCollections, listIndexes, createIndexes, drop, dropDatabase, endSessions,
// replSetInitiate, getCmdLineOpts, and the login if it has a password.
// Projections are ignored.
package faulty
