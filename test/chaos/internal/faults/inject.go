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

// termLimit bounds the clean shutdown of a worker: its shutdown timeout and some
// time on a busy machine.
const termLimit = 60 * time.Second

// Injector injects the faults of a schedule.
type Injector struct {
	Redis, Mongo                       *system.Server
	RedisLink, MongoLink, ProducerLink *system.Link
	Clock                              *system.Clock   // Redis' clock; nil if it is never stepped
	Refusals                           system.Refusals // MongoDB's
	Workers                            []*system.Worker
	Client                             *Client                                      // another client of the streams
	Direct                             *redis.Client                                // bypasses the links
	Injected                           func(Fault)                                  // called after each fault
	ClockStepped                       func(from, to time.Time, step time.Duration) // called after each step
	Complain                           func(string)

	redisUp   sync.Mutex   // held while Redis is down, and while it must be up
	disturbed atomic.Int64 // active faults that may disturb the shutdown of a worker
	begun     atomic.Int64 // those that ever began
}

// Run injects the faults, those of a lane one after the other, and returns when
// the last one is over. An error means that a fault could not be injected.
func (in *Injector) Run(ctx context.Context, schedule []Fault) error {
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
	var running sync.WaitGroup
	for _, lane := range lanes {
		running.Go(func() {
			for _, f := range lane {
				system.Sleep(ctx, time.Until(begin.Add(f.At)))
				if ctx.Err() != nil {
					return
				}
				if err := in.inject(ctx, f); err != nil {
					fail(fmt.Errorf("%s: %w", f.Kind, err))
					return
				}
				in.Injected(f)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

func (in *Injector) inject(ctx context.Context, f Fault) error {
	if f.Lane == "" {
		return in.injectWorker(ctx, f)
	}
	in.disturbed.Add(1)
	in.begun.Add(1)
	defer in.disturbed.Add(-1)
	switch f.Kind {
	case RedisKilled, RedisStopped, RedisFrozen:
		in.redisUp.Lock()
		defer in.redisUp.Unlock()
		return injectServer(ctx, in.Redis, f)
	case ClockAhead, ClockBack:
		return in.stepClock(ctx, f)
	case MongoPartial, MongoFlapping, MongoShard:
		return in.refuse(ctx, f)
	case MongoKilled, MongoStopped, MongoFrozen:
		return injectServer(ctx, in.Mongo, f)
	case ScriptsGone:
		return in.flushScripts(ctx)
	}
	if f.Lane == OtherClients {
		return in.interfere(ctx, f)
	}
	link := map[Lane]*system.Link{RedisLink: in.RedisLink, MongoLink: in.MongoLink, ProducerLink: in.ProducerLink}[f.Lane]
	return injectLink(ctx, link, f)
}

func (in *Injector) injectWorker(ctx context.Context, f Fault) error {
	w := in.Workers[f.Worker]
	switch f.Kind {
	case WorkerFrozen:
		w.Freeze()
		system.Sleep(ctx, f.Length)
		w.Thaw()
		return nil
	case WorkerKilled:
		w.Kill()
	case WorkerTerminated:
		in.term(w)
	case DeadDeleted:
		w.Kill()
		if err := in.deleteConsumers(ctx, w.PID()); err != nil {
			return err
		}
	}
	system.Sleep(ctx, f.Length)
	return w.Start()
}

// term shuts a worker down cleanly, which may fail only while a server or a link
// has a fault.
func (in *Injector) term(w *system.Worker) {
	begun, active := in.begun.Load(), in.disturbed.Load()
	code, err := w.Term(termLimit)
	if err != nil {
		in.Complain(err.Error())
		w.Kill()
		return
	}
	if code != 0 && active == 0 && in.begun.Load() == begun {
		in.Complain(fmt.Sprintf("a worker exited with code %d after SIGTERM, while all servers were up", code))
	}
}

func injectServer(ctx context.Context, server *system.Server, f Fault) error {
	switch f.Kind {
	case RedisFrozen, MongoFrozen:
		server.Freeze()
		system.Sleep(ctx, f.Length)
		server.Thaw()
		return nil
	case RedisKilled, MongoKilled:
		server.Kill()
	default:
		if err := server.Stop(); err != nil {
			return err
		}
	}
	system.Sleep(ctx, f.Length)
	return server.Start()
}

// flushScripts retries, since Redis may be down.
func (in *Injector) flushScripts(ctx context.Context) error {
	for ctx.Err() == nil {
		if in.Direct.ScriptFlush(ctx).Err() == nil {
			return nil
		}
		system.Sleep(ctx, 50*time.Millisecond)
	}
	return nil
}

func injectLink(ctx context.Context, link *system.Link, f Fault) error {
	switch f.Kind {
	case RedisSevered, MongoSevered:
		return link.Sever(ctx, f.Length)
	case RedisSlow, MongoSlow:
		slow := map[string]any{"latency": 20, "jitter": 20}
		return link.Degrade(ctx, system.Toxic{Type: "latency", Stream: "downstream", Attributes: slow}, f.Length)
	case RedisCut, MongoCut, ProducerCut:
		return link.Degrade(ctx, system.Toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]any{"bytes": f.Bytes}}, f.Length)
	}
	stream := "upstream" // commands are lost
	if f.Length.Milliseconds()%2 == 0 {
		stream = "downstream" // replies are lost
	}
	return link.Degrade(ctx, system.Toxic{Type: "reset_peer", Stream: stream, Attributes: map[string]any{"timeout": 0}}, f.Length)
}

// transient are error codes for trouble of MongoDB itself.
var transient = []int{202, 365, 70, 13388, 16500, 4293, 262, 50}

// refuse makes MongoDB refuse good documents.
func (in *Injector) refuse(ctx context.Context, f Fault) error {
	size := int(f.Size >> 1)
	codes := []int{transient[size%len(transient)]}
	switch size / 8 % 4 {
	case 0:
		codes = transient
	case 1:
		codes = []int{500_000 + size%1000} // unknown codes
	}
	switch f.Kind {
	case MongoPartial:
		return in.refuseFor(ctx, f.Length, 2, size%2, codes...)
	case MongoShard:
		return in.refuseFor(ctx, f.Length, 4, size%4, 500_000+size%1000)
	}
	for left := f.Length; left > 0; left -= 2 * time.Second {
		if err := in.refuseFor(ctx, min(left, time.Second), 1, 0, codes...); err != nil {
			return err
		}
		system.Sleep(ctx, time.Second)
	}
	return nil
}

func (in *Injector) refuseFor(ctx context.Context, d time.Duration, modulo, remainder int, codes ...int) error {
	if err := in.Refusals.Set(modulo, remainder, codes...); err != nil {
		return err
	}
	system.Sleep(ctx, d)
	return in.Refusals.Clear()
}

// stepClock steps Redis' clock and, after a while, back to the true time. Half of
// the steps are shorter than the limiter's window, so the limit must still hold;
// the others are up to half a minute long.
func (in *Injector) stepClock(ctx context.Context, f Fault) error {
	step := time.Duration(1+f.Size%3) * time.Second
	if f.Size>>8%2 == 0 {
		step = time.Duration(5+f.Size%25) * time.Second
	}
	if f.Kind == ClockBack {
		step = -min(step, 15*time.Second)
	}
	begin := time.Now()
	defer func() { in.ClockStepped(begin, time.Now(), step) }()
	if err := in.Clock.Step(step); err != nil {
		return err
	}
	system.Sleep(ctx, f.Length)
	return in.Clock.Step(0)
}
