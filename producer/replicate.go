package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// replicaWait is how long one WAIT lasts.
const replicaWait = time.Second

// tooFewReplicas says that Redis has the records but not enough replicas do.
type tooFewReplicas struct{ have, want int }

func (e *tooFewReplicas) Error() string {
	return fmt.Sprintf("PRODUCER_WAIT_REPLICAS: only %d of %d replicas have confirmed the records", e.have, e.want)
}

// sendReplicated writes the open bodies and counts them as queued only when
// enough replicas have them. WAIT speaks for the writes of its own connection,
// so what belongs to one master goes by one connection, followed by WAIT on it.
func (p *Publisher) sendReplicated(ctx context.Context, bodies [][]byte, receipts []Receipt) error {
	masters := map[string]*redis.Client{}
	groups := map[*redis.Client][]int{}
	for i := range receipts {
		if receipts[i].Queued {
			continue
		}
		node, err := p.master(ctx, masters, receipts[i].Key)
		if err != nil {
			return p.judge(err, receipts[i].Key)
		}
		groups[node] = append(groups[node], i)
	}
	for node, open := range groups {
		if err := p.sendAndWait(ctx, node, bodies, receipts, open); err != nil {
			return err
		}
	}
	return nil
}

// master is the client of the server that a key lives on.
func (p *Publisher) master(ctx context.Context, known map[string]*redis.Client, key string) (*redis.Client, error) {
	if node := known[key]; node != nil {
		return node, nil
	}
	var node *redis.Client
	var err error
	switch c := p.client.(type) {
	case *redis.Client:
		node = c
	case *redis.ClusterClient:
		node, err = c.MasterForKey(context.WithoutCancel(ctx), key)
	default:
		err = fmt.Errorf("PRODUCER_WAIT_REPLICAS: can't wait for replicas through a %T", c)
	}
	known[key] = node
	return node, err
}

// sendAndWait writes one master's open bodies. Until the replicas confirm them
// the receipts stay open, so whatever fails in between sends them again.
func (p *Publisher) sendAndWait(ctx context.Context, node *redis.Client, bodies [][]byte, receipts []Receipt, open []int) error {
	conn := node.Conn()
	defer conn.Close()
	written := append([]Receipt(nil), receipts...)
	if err := p.send(ctx, conn, bodies, written, open); err != nil {
		if cluster, ok := p.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx) // the key may have moved to another master
		}
		return err
	}
	if err := p.awaitReplicas(ctx, conn, receipts[open[0]].Key); err != nil {
		return err
	}
	copy(receipts, written)
	return nil
}

// awaitReplicas repeats WAIT rather than the records, which are written
// already, until enough replicas have them, the connection breaks or ctx ends.
func (p *Publisher) awaitReplicas(ctx context.Context, conn *redis.Conn, key string) error {
	for {
		have, err := conn.Wait(context.WithoutCancel(ctx), p.opts.Replicas, replicaWait).Result()
		if err != nil {
			return p.judge(err, key)
		}
		if int(have) >= p.opts.Replicas {
			return nil
		}
		few := &tooFewReplicas{have: int(have), want: p.opts.Replicas}
		p.opts.OnWait(few, 0)
		if ctx.Err() != nil {
			return few
		}
	}
}
