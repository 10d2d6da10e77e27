package streams_test

import (
	"strconv"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// The newest activities come first, the oldest are dropped, and a note of another client
// hides no other.
func TestActivitiesAreBounded(t *testing.T) {
	client := env.Redis(t).Client(t)
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for i := range streams.MaxActivities + 5 {
		a := streams.Activity{At: at, User: "ada", Action: "pause", Detail: map[string]string{"n": strconv.Itoa(i)}}
		must(t, streams.NoteActivity(t.Context(), client, "q", a))
	}
	must(t, client.LPush(t.Context(), streams.KeysOf("q").Audit, "{").Err())
	all, err := streams.ReadActivities(t.Context(), client, "q", 2*streams.MaxActivities)
	must(t, err)
	if len(all) != streams.MaxActivities+1 {
		t.Fatalf("%d activities", len(all))
	}
	if all[0].Action != "" || all[1].Detail["n"] != strconv.Itoa(streams.MaxActivities+4) || all[1].User != "ada" || !all[1].At.Equal(at) {
		t.Errorf("the newest: %+v, %+v", all[0], all[1])
	}
	if few, err := streams.ReadActivities(t.Context(), client, "q", 3); err != nil || len(few) != 3 {
		t.Errorf("%d of 3 activities: %v", len(few), err)
	}
}
