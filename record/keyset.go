package record

import "bytes"

// fewKeys is up to how many keys a linear search beats a map.
const fewKeys = 16

// keySet remembers the keys of one object. The zero value is empty.
type keySet struct {
	few  [fewKeys][]byte
	n    int
	many map[string]struct{}
}

// add says whether the key is new. The key is kept, not copied, while there
// are few.
func (k *keySet) add(key []byte) bool {
	if k.many != nil {
		if _, seen := k.many[string(key)]; seen {
			return false
		}
		k.many[string(key)] = struct{}{}
		return true
	}
	for _, seen := range k.few[:k.n] {
		if bytes.Equal(seen, key) {
			return false
		}
	}
	if k.n < fewKeys {
		k.few[k.n] = key
		k.n++
		return true
	}
	k.many = make(map[string]struct{}, 4*fewKeys)
	for _, seen := range k.few {
		k.many[string(seen)] = struct{}{}
	}
	k.many[string(key)] = struct{}{}
	return true
}
