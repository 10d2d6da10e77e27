package record

import "bytes"

func emailRule(text []byte) (stored, why string) {
	if bytes.Count(text, []byte("@")) != 1 {
		return "", "not an address"
	}
	return string(text), ""
}
