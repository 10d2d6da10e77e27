// Package faulty is a small MongoDB server for tests: it speaks the wire
// protocol, keeps documents by their _id as a MongoDB does, and misbehaves
// exactly as it is told to. It shows the service what neither a healthy MongoDB
// nor an embedded FerretDB can show on demand.
//
// Commands known: hello, ping, buildInfo, insert, find (by _id, by $in of _ids,
// or all), getMore, killCursors, count, aggregate (as CountDocuments sends it),
// createIndexes, drop, dropDatabase, endSessions. Projections are ignored.
package faulty
