package streams

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
)

// Activity is something that somebody did to the queue by the console.
type Activity struct {
	At     time.Time         `json:"at"`
	User   string            `json:"user"`
	Action string            `json:"action"`            // such as dead_purge; "" if the note can't be read
	Detail map[string]string `json:"details,omitempty"` // without personal data
}

// MaxActivities is how many activities are kept, the newest.
const MaxActivities = 1000

// NoteActivity keeps an activity beside the queue, and drops the oldest ones beyond
// MaxActivities. key is that of the list or of the first partition's stream. Errors come from
// Redis.
func NoteActivity(ctx context.Context, client redis.UniversalClient, key string, a Activity) error {
	note, err := json.Marshal(a)
	if err != nil {
		return wrap(err, "noting an activity of %s", key)
	}
	audit := KeysOf(key).Audit
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.LPush(ctx, audit, note)
		p.LTrim(ctx, audit, 0, MaxActivities-1)
		return nil
	})
	return wrap(err, "noting an activity in %s", audit)
}

// ReadActivities returns at most most activities, the newest first. Errors come from Redis.
func ReadActivities(ctx context.Context, client redis.UniversalClient, key string, most int) ([]Activity, error) {
	audit := KeysOf(key).Audit
	notes, err := client.LRange(ctx, audit, 0, int64(most)-1).Result()
	if err != nil {
		return nil, wrap(err, "reading %s", audit)
	}
	list := make([]Activity, len(notes))
	for i, note := range notes {
		if json.Unmarshal([]byte(note), &list[i]) != nil {
			list[i] = Activity{}
		}
	}
	return list, nil
}
