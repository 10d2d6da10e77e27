//go:build !no_azblob

package buckets

import _ "gocloud.dev/blob/azureblob" // azblob://
