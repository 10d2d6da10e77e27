package archive

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const (
	segmentFolder  = "/segments/"
	segmentSuffix  = ".ndjson.zst"
	segmentType    = "application/zstd"
	manifestFolder = "/manifest/"
	manifestSuffix = ".json"
	manifestType   = "application/json"
)

// folderOf is the folder of a partition's log: the key of the stream, as one element of a
// path.
func folderOf(key string) string {
	folder := url.PathEscape(key)
	if strings.HasSuffix(folder, ".") { // . and .. are other folders
		folder = strings.ReplaceAll(folder, ".", "%2E")
	}
	return folder
}

// keyOf is the reverse of folderOf.
func keyOf(folder string) (key string, ok bool) {
	key, err := url.PathUnescape(folder)
	return key, err == nil && key != "" && folderOf(key) == folder
}

// segmentName is the name of the segment that begins with an entry.
func segmentName(first string) string {
	ms, seq, _ := SplitID(first)
	return fmt.Sprintf("%020d-%020d%s", ms, seq, segmentSuffix)
}

// firstOf is the ID of the first entry of a segment, by the segment's name.
func firstOf(segment string) (id string, ok bool) {
	padded, _ := strings.CutSuffix(segment, segmentSuffix)
	ms, seq, ok := SplitID(padded)
	id = fmt.Sprintf("%d-%d", ms, seq)
	return id, ok && segmentName(id) == segment
}

func (l *Log) segmentPath(segment string) string { return folderOf(l.key) + segmentFolder + segment }

func (l *Log) manifestPath(number int64) string {
	return fmt.Sprintf("%s%012d%s", folderOf(l.key)+manifestFolder, number, manifestSuffix)
}

// numberOf is the number of a manifest entry, by its path.
func (l *Log) numberOf(path string) (number int64, ok bool) {
	digits, _ := strings.CutPrefix(path, folderOf(l.key)+manifestFolder)
	number, err := strconv.ParseInt(strings.TrimSuffix(digits, manifestSuffix), 10, 64)
	return number, err == nil && number > 0 && l.manifestPath(number) == path
}
