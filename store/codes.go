package store

// classOf says what a code means wherever it stands: at the top of a reply or
// against one document, which a shard or an index in trouble refuses while the
// others go in. It holds every code that MongoDB's error_codes.yml puts into a
// category of passing trouble (network, interruption, not primary, shutdown,
// stale routing, snapshot, retriable, overload, exceeded time limit), and those
// that belong to such a state though no category says so. What is not listed has
// no known meaning.
var classOf = map[int32]Class{}

func init() {
	for class, codes := range map[Class][]int32{
		// MaxTimeMSExpired, NetworkInterfaceExceededTimeLimit, ExceededTimeLimit,
		// TransactionExceededLifetimeLimitSeconds, no pooled connection in time
		TimedOut: {50, 202, 262, 290, 407},
		Transient: {
			// Network and names: hosts, resolvers, pools, sockets.
			6, 7, 71, 74, 83, 89, 145, 149, 172, 199, 230, 231, 279, 288, 303, 317, 354, 382, 384, 398, 9001, 56846,
			// Shutdown, step-down, election, start-up.
			90, 91, 94, 95, 109, 189, 216, 281, 310, 312, 333, 372, 10058, 10107, 11600, 11602, 13435, 13436,
			// Stale routing, migrations, resharding, draining shards.
			63, 70, 117, 150, 194, 200, 203, 221, 249, 250, 272, 306, 319, 338, 342, 343, 360, 379, 406, 412, 414, 445, 453, 4293, 9996, 13388,
			// Interruption, snapshots, transactions inside the server.
			107, 134, 175, 187, 215, 225, 237, 239, 245, 246, 251, 259, 267, 276, 282, 285, 287, 289, 308, 311, 314,
			356, 358, 363, 365, 374, 375, 381, 383, 391, 404, 410, 12586, 12587, 46841, 50915, 91331, 10045600,
		},
		// ResourceExhausted, queues and rate limits, Cosmos DB's request rate
		Overloaded: {402, 433, 449, 450, 462, 16500},
		// Locks, write conflicts, files, disk, memory, writes blocked by somebody
		DiskTrouble: {24, 37, 38, 39, 42, 46, 112, 133, 146, 176, 208, 264, 301, 371, 388, 11601, 14031},
		NotDurable:  {64, 75},
		// UnknownReplWriteConcern, UnsatisfiableWriteConcern
		Unsatisfiable: {79, 100},
		// UserNotFound, Unauthorized, AuthenticationFailed, MechanismUnavailable, Atlas' own
		Operator: {11, 13, 18, 334, 8000},
		// IllegalOperation ("Transaction numbers …"), NamespaceNotFound,
		// CommandNotFound, InvalidOptions, InvalidNamespace
		Configuration: {20, 26, 59, 72, 73},
		// DuplicateKey and its old forms, as an old server says of a single insert
		UnknownIndex: {11000, 11001, 12582},
		// BSONObjectTooLarge, Overflow, the update system's sizes
		TooLarge: {15, 10334, 17419, 17420},
	} {
		for _, code := range codes {
			classOf[code] = class
		}
	}
}

// badDocument lists the codes that speak against a document when they stand
// against it alone: BadValue, FailedToParse, TypeMismatch, InvalidBSON, what is
// wrong with field names and _ids, DocumentValidationFailure, a key that can't be
// indexed, NonConformantBSON.
var badDocument = map[int32]bool{
	2: true, 9: true, 14: true, 22: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true,
	116: true, 121: true, 171: true, 357: true, 378: true, 17280: true,
}
