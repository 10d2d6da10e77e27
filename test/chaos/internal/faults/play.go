package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/test/chaos/internal/system"
)

// termLimit is how long a worker may take to end orderly: its shutdown time and
// some seconds of last words.
const termLimit = 60 * time.Second

// Stage is where a schedule is played.
type Stage struct {
	Redis, Mongo                       *system.Server
	RedisLink, MongoLink, ProducerLink *system.Link
	Clock                              *system.Clock   // Redis'; nil without faults of it
	Refusals                           system.Refusals // MongoDB's
	Workers                            []*system.Worker
	Stranger                           *Stranger
	Direct                             *redis.Client                                // past all links
	Played                             func(Fault)                                  // after each fault
	ClockStepped                       func(from, to time.Time, step time.Duration) // after each step and its end
	Complain                           func(string)

	redisThere sync.Mutex   // held while Redis is not, or must be
	disturbed  atomic.Int64 // faults under way that a worker's end may suffer from
}

// Play plays the faults, each lane's one after the other, and returns when all
// is as it was. An error means that the stage itself has broken.
func (s *Stage) Play(ctx context.Context, schedule []Fault) error {
	lanes := map[Lane][]Fault{}
	for _, f := range schedule {
		lane := f.Lane
		if lane == "" {
			lane = Lane(fmt.Sprint("worker ", f.Worker))
		}
		lanes[lane] = append(lanes[lane], f)
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	begin := time.Now()
	var players sync.WaitGroup
	for _, lane := range lanes {
		players.Go(func() {
			for _, f := range lane {
				system.Pause(ctx, time.Until(begin.Add(f.At)))
				if ctx.Err() != nil {
					return
				}
				if err := s.strike(ctx, f); err != nil {
					fail(fmt.Errorf("%s: %w", f.Kind, err))
					return
				}
				s.Played(f)
			}
		})
	}
	players.Wait()
	return context.Cause(ctx)
}

func (s *Stage) strike(ctx context.Context, f Fault) error {
	if f.Lane == "" {
		return s.strikeWorker(ctx, f)
	}
	s.disturbed.Add(1)
	defer s.disturbed.Add(-1)
	switch f.Kind {
	case RedisKilled, RedisStopped, RedisFrozen:
		s.redisThere.Lock()
		defer s.redisThere.Unlock()
		return strikeServer(ctx, s.Redis, f)
	case ClockAhead, ClockBack:
		return s.stepClock(ctx, f)
	case MongoPartial, MongoFlapping, MongoShard:
		return s.refuse(ctx, f)
	case MongoKilled, MongoStopped, MongoFrozen:
		return strikeServer(ctx, s.Mongo, f)
	case ScriptsGone:
		return s.flushScripts(ctx)
	}
	if f.Lane == Strangers {
		return s.strange(ctx, f)
	}
	link := map[Lane]*system.Link{RedisLink: s.RedisLink, MongoLink: s.MongoLink, ProducerLink: s.ProducerLink}[f.Lane]
	return strikeLink(ctx, link, f)
}

func (s *Stage) strikeWorker(ctx context.Context, f Fault) error {
	w := s.Workers[f.Worker]
	switch f.Kind {
	case WorkerFrozen:
		w.Freeze()
		system.Pause(ctx, f.Length)
		w.Thaw()
		return nil
	case WorkerKilled:
		w.Kill()
	case WorkerTold:
		s.term(w)
	case DeadDeleted:
		w.Kill()
		if err := s.strikeDead(ctx, w.Pid()); err != nil {
			return err
		}
	}
	system.Pause(ctx, f.Length)
	return w.Start()
}

// term ends a worker orderly. It may fail only while a server or a link does.
func (s *Stage) term(w *system.Worker) {
	before := s.disturbed.Load()
	code, err := w.Term(termLimit)
	if err != nil {
		s.Complain(err.Error())
		w.Kill()
		return
	}
	if code != 0 && before == 0 && s.disturbed.Load() == 0 {
		s.Complain(fmt.Sprintf("a worker ended with exit code %d after SIGTERM, with all servers there", code))
	}
}

func strikeServer(ctx context.Context, server *system.Server, f Fault) error {
	switch f.Kind {
	case RedisFrozen, MongoFrozen:
		server.Freeze()
		system.Pause(ctx, f.Length)
		server.Thaw()
		return nil
	case RedisKilled, MongoKilled:
		server.Kill()
	default:
		if err := server.Stop(); err != nil {
			return err
		}
	}
	system.Pause(ctx, f.Length)
	return server.Start()
}

// flushScripts insists: Redis may be away.
func (s *Stage) flushScripts(ctx context.Context) error {
	for ctx.Err() == nil {
		if s.Direct.ScriptFlush(ctx).Err() == nil {
			return nil
		}
		system.Pause(ctx, 50*time.Millisecond)
	}
	return nil
}

func strikeLink(ctx context.Context, link *system.Link, f Fault) error {
	switch f.Kind {
	case RedisSevered, MongoSevered:
		return link.Sever(ctx, f.Length)
	case RedisSlow, MongoSlow:
		slow := map[string]any{"latency": 20, "jitter": 20}
		return link.Poison(ctx, system.Toxic{Type: "latency", Stream: "downstream", Attributes: slow}, f.Length)
	case RedisCut, MongoCut, ProducerCut:
		return link.Poison(ctx, system.Toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]any{"bytes": f.Bytes}}, f.Length)
	}
	stream := "upstream" // the command is lost
	if f.Length.Milliseconds()%2 == 0 {
		stream = "downstream" // the reply is
	}
	return link.Poison(ctx, system.Toxic{Type: "reset_peer", Stream: stream, Attributes: map[string]any{"timeout": 0}}, f.Length)
}
