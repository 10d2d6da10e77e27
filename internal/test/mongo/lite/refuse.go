package main

import (
	"encoding/json"
	"hash/fnv"
	"os"

	"ingestion/internal/test/mongo/faulty"
)

// refusal is the content of the --refuse file: documents whose _id hash has
// this remainder are refused, each with a code of the list.
type refusal struct {
	Modulo    uint32  `json:"modulo"`
	Remainder uint32  `json:"remainder"`
	Codes     []int32 `json:"codes"`
}

// refuse is the rule for inserts. It reads the file at each insert, so changes
// take effect at once and survive the server.
func refuse(file string) func(faulty.Call) faulty.Fault {
	return func(call faulty.Call) faulty.Fault {
		text, err := os.ReadFile(file)
		if err != nil {
			return faulty.Fault{}
		}
		var r refusal
		if json.Unmarshal(text, &r) != nil || r.Modulo == 0 || len(r.Codes) == 0 {
			return faulty.Fault{}
		}
		return faulty.Fault{WriteErrors: r.writeErrors(call)}
	}
}

func (r *refusal) writeErrors(call faulty.Call) []faulty.WriteError {
	var list []faulty.WriteError
	for i, doc := range call.Documents {
		id, _ := doc.Lookup("_id").StringValueOK()
		h := fnv.New32a()
		h.Write([]byte(id))
		if sum := h.Sum32(); sum%r.Modulo == r.Remainder {
			list = append(list, faulty.WriteError{Index: i, Code: r.Codes[int(sum>>16)%len(r.Codes)]})
		}
	}
	return list
}
