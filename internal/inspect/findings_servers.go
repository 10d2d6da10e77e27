package inspect

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// The parts of maxmemory above which Redis is full, or will soon be.
const (
	full    = 0.95
	filling = 0.80
)

func (j *judge) servers() {
	switch {
	case j.down() && denied(j.Redis.Err):
		j.add(Finding{
			Severity: Error, Code: "redis_denied", Text: fmt.Sprintf("Redis answers, but refuses to be read: %v", redisconn.Plain(j.Redis.Err)),
			Do: "Give the user of REDIS_URL its rights", Command: "ingestctl doctor --role operator",
		})
	case j.down():
		j.add(Finding{
			Severity: Error, Code: "redis_down", Text: fmt.Sprintf("Redis cannot be read: %v", redisconn.Plain(j.Redis.Err)),
			Do: "Start Redis or correct REDIS_URL", Command: "ingestctl doctor",
		})
	case j.Redis.Err != nil:
		j.add(Finding{
			Severity: Warning, Code: "redis_unknown", Text: fmt.Sprintf("the health of Redis is unknown: %v", redisconn.Plain(j.Redis.Err)),
			Do: "Allow the user of REDIS_URL the command INFO", Command: "ingestctl doctor",
		})
	}
	j.masters()
	if j.Mongo != nil && j.Mongo.Err != nil {
		j.add(Finding{
			Severity: Error, Code: "mongo_down", Text: j.Mongo.Err.Error() + "; workers stop reading meanwhile and lose nothing",
			Do: "Make MongoDB available", Command: "ingestctl doctor",
		})
	}
}

// masters reports those of a Cluster that could not be read while others could.
func (j *judge) masters() {
	unread := func(refused bool) (first Node, more int) {
		more = -1
		for _, n := range j.Redis.Nodes {
			if n.Err != nil && denied(n.Err) == refused {
				if more++; more == 0 {
					first = n
				}
			}
		}
		return first, more
	}
	if n, more := unread(false); more >= 0 {
		j.add(Finding{
			Severity: Error, Code: "redis_master_down", Subject: n.Addr, More: more, Text: fmt.Sprintf("this Redis master does not answer: %v", redisconn.Plain(n.Err)),
			Do: "Start the Redis master " + n.Addr, Command: "ingestctl doctor",
		})
	}
	if n, more := unread(true); more >= 0 {
		j.add(Finding{
			Severity: Warning, Code: "redis_unknown", Subject: n.Addr, More: more, Text: fmt.Sprintf("the health of this Redis master is unknown: %v", redisconn.Plain(n.Err)),
			Do: "Allow the user of REDIS_URL the command INFO", Command: "ingestctl doctor",
		})
	}
}

// denied reports whether the user of REDIS_URL lacks a right.
func denied(err error) bool {
	return redis.IsPermissionError(err) || redis.HasErrorPrefix(err, "NOPERM")
}

func (j *judge) memory() {
	for _, n := range j.Redis.Nodes {
		part, limited := n.Fill()
		f := Finding{
			Subject: n.Addr, Text: fmt.Sprintf("Redis uses %.0f %% of its maxmemory", 100*part),
			Do: "Raise maxmemory, or delete dead letters", Command: "ingestctl dead list",
		}
		switch {
		case limited && part >= full:
			f.Severity, f.Code = Error, "redis_full"
			f.Text += ": when it is full, producers are refused, and workers wait"
			j.add(f)
		case limited && part >= filling:
			f.Severity, f.Code = Warning, "redis_filling"
			j.add(f)
		}
		if n.Policy != "" && n.Policy != "noeviction" {
			j.add(Finding{
				Severity: Warning, Code: "redis_evicts", Subject: n.Addr,
				Text: fmt.Sprintf("Redis may evict records and rate limits (maxmemory-policy %s)", n.Policy),
				Do:   "Set maxmemory-policy noeviction", Command: "ingestctl doctor",
			})
		}
	}
}

func (j *judge) persistence() {
	for _, n := range j.Redis.Nodes {
		if n.Trouble != "" {
			j.add(Finding{
				Severity: Error, Code: "redis_unsaved", Subject: n.Addr, Text: "Redis is in trouble: " + n.Trouble,
				Do: "Check the disk and the log of Redis", Command: "ingestctl doctor",
			})
		}
	}
}

// unreadable reports parts that failed while others did not.
func (j *judge) unreadable() {
	if j.down() {
		return
	}
	if j.List != nil && j.List.Err != nil {
		j.add(unread(j.List.Key, 0, j.List.Err))
	}
	var first *Partition
	more := -1
	for i := range j.Partitions {
		if j.Partitions[i].Err == nil {
			continue
		}
		if first == nil {
			first = &j.Partitions[i]
		}
		more++
	}
	if first != nil {
		j.add(unread(first.Key, more, first.Err))
	}
	if j.Control.Err != nil {
		j.add(Finding{
			Severity: Warning, Code: "control_unknown", Text: fmt.Sprintf("whether the queue is paused is unknown: %v", redisconn.Plain(j.Control.Err)),
			Do: "Find out what is wrong with it", Command: "ingestctl doctor",
		})
	}
}

func unread(key string, more int, err error) Finding {
	f := Finding{
		Severity: Error, Code: "unreadable", Subject: key, More: more, Text: fmt.Sprintf("cannot be read: %v", redisconn.Plain(err)),
		Do: "Find out what is wrong with it", Command: "ingestctl doctor",
	}
	var owner *streams.OwnerError
	if errors.As(err, &owner) {
		f.Code, f.Text = "other_group", owner.Error()
		f.Do, f.Command = "Set STREAM_GROUP as the workers have it", "ingestctl doctor"
	}
	return f
}
