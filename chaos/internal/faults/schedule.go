// Package faults draws a schedule of faults from a seed and plays it.
package faults

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The kinds, each with where it strikes.
const (
	WorkerKilled  Kind = "worker killed (SIGKILL)"
	WorkerTold    Kind = "worker told to end (SIGTERM)"
	WorkerFrozen  Kind = "worker frozen (SIGSTOP, SIGCONT)"
	RedisKilled   Kind = "Redis killed"
	RedisStopped  Kind = "Redis stopped (SIGTERM)"
	RedisFrozen   Kind = "Redis frozen"
	ScriptsGone   Kind = "SCRIPT FLUSH"
	MongoKilled   Kind = "MongoDB killed"
	MongoStopped  Kind = "MongoDB stopped (SIGTERM)"
	MongoFrozen   Kind = "MongoDB frozen"
	RedisReset    Kind = "Redis link: connections reset"
	RedisCut      Kind = "Redis link: replies cut"
	RedisSlow     Kind = "Redis link: latency"
	RedisSevered  Kind = "Redis link: severed"
	MongoReset    Kind = "MongoDB link: connections reset"
	MongoCut      Kind = "MongoDB link: replies cut"
	MongoSlow     Kind = "MongoDB link: latency"
	MongoSevered  Kind = "MongoDB link: severed"
	ProducerReset Kind = "producer's link: connections reset"
	ProducerCut   Kind = "producer's link: replies cut"
)

// Lane is what a fault strikes; faults of one lane follow each other.
type Lane string

// The lanes; those of workers are numbered.
const (
	RedisServer  Lane = "redis"
	MongoServer  Lane = "mongo"
	RedisLink    Lane = "redis link"
	MongoLink    Lane = "mongo link"
	ProducerLink Lane = "producer link"
	Scripts      Lane = "scripts"
)

// Fault is one fault of a schedule.
type Fault struct {
	At     time.Duration // since the beginning, if its lane is free
	Kind   Kind
	Lane   Lane
	Worker int           // which, if it strikes one
	Length time.Duration // how long it lasts
	Bytes  int           // after how many bytes a reply is cut
}

// kinds says how often each kind is drawn, how long it lasts in ms, and its lane
// ("" for a worker's).
var kinds = []struct {
	kind          Kind
	lane          Lane
	weight        int
	least, most   int
	bytes, spread int
}{
	{WorkerKilled, "", 14, 0, 1500, 0, 0},
	{WorkerTold, "", 8, 0, 1500, 0, 0},
	{WorkerFrozen, "", 8, 100, 4500, 0, 0}, // both sides of the lease
	{RedisKilled, RedisServer, 8, 0, 1200, 0, 0},
	{RedisStopped, RedisServer, 3, 0, 800, 0, 0},
	{RedisFrozen, RedisServer, 3, 50, 2500, 0, 0},
	{ScriptsGone, Scripts, 6, 0, 0, 0, 0},
	{MongoKilled, MongoServer, 8, 0, 2500, 0, 0},
	{MongoStopped, MongoServer, 3, 0, 1500, 0, 0},
	{MongoFrozen, MongoServer, 3, 50, 3000, 0, 0},
	{RedisReset, RedisLink, 6, 10, 400, 0, 0},
	{RedisCut, RedisLink, 8, 50, 600, 0, 3000},
	{RedisSlow, RedisLink, 4, 200, 1500, 0, 0},
	{RedisSevered, RedisLink, 3, 100, 1500, 0, 0},
	{MongoReset, MongoLink, 5, 10, 400, 0, 0},
	{MongoCut, MongoLink, 7, 50, 600, 0, 600},
	{MongoSlow, MongoLink, 3, 200, 1500, 0, 0},
	{MongoSevered, MongoLink, 2, 100, 1500, 0, 0},
	{ProducerReset, ProducerLink, 3, 10, 300, 0, 0},
	{ProducerCut, ProducerLink, 4, 50, 400, 0, 3000},
}

// Kinds lists all kinds, in the order of a report.
func Kinds() []Kind {
	list := make([]Kind, len(kinds))
	for i, k := range kinds {
		list[i] = k.kind
	}
	return list
}

// Draw makes n faults over a time, in order; the same seed draws the same. Every
// kind is among them if n suffices.
func Draw(seed uint64, n int, over time.Duration, workers int) []Fault {
	rng := rand.New(rand.NewPCG(seed, 2))
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	faults := make([]Fault, n)
	for i := range faults {
		pick := i // the first of each kind
		if i >= len(kinds) {
			pick = 0
			for left := rng.IntN(total); left >= kinds[pick].weight; pick++ {
				left -= kinds[pick].weight
			}
		}
		k := kinds[pick]
		faults[i] = Fault{
			Kind: k.kind, Lane: k.lane, Worker: rng.IntN(workers),
			Length: time.Duration(k.least+rng.IntN(k.most-k.least+1)) * time.Millisecond,
			Bytes:  k.bytes + rng.IntN(k.spread+1),
		}
	}
	rng.Shuffle(n, func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i := range faults {
		faults[i].At = time.Duration((float64(i) + rng.Float64()) * float64(over) / float64(n))
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return int(a.At - b.At) })
	return faults
}
