//go:build !no_gs

package buckets

import _ "gocloud.dev/blob/gcsblob" // gs://
