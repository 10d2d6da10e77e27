// Package archive keeps a stream for good: its entries, as they came, in segments in a
// bucket, and a chain of manifest entries that says which segments there are.
//
// A bucket is a directory, or one of S3, Google Cloud Storage or Azure Blob Storage:
// whatever [gocloud.dev/blob] opens. In it each partition of a stream has a [Log] of its
// own:
//
//	<key of the partition>/segments/<first ID>.ndjson.zst
//	<key of the partition>/manifest/<number>.json
//
// A segment has one line per entry. A manifest entry has the SHA-256 of its segment and of
// the manifest entry before. Neither is ever changed: both are written only if the name is
// free. The segment is written first; its manifest entry is the commit. So whatever stops
// an archiver, and however many there are, the chain has no gap and no entry twice.
//
// [Archiver] copies a partition, read from a [Source], into its Log.
package archive
