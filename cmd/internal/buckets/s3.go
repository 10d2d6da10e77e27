//go:build !no_s3

package buckets

import _ "gocloud.dev/blob/s3blob" // s3://
