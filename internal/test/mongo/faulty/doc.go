// Package faulty is a small MongoDB server for tests: it speaks the wire
// protocol, stores documents by _id, and fails as scripted, which neither a
// healthy MongoDB nor an embedded FerretDB can do on demand.
//
// Commands: hello, ping, buildInfo, insert, find (by _id, by $in of _ids, or
// all), getMore, killCursors, count, aggregate (as CountDocuments sends it),
// createIndexes, drop, dropDatabase, endSessions. Projections are ignored.
package faulty
