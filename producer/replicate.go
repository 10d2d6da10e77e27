package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
)

// replicaWait is the timeout of one WAIT command.
const replicaWait = time.Second

// TooFewReplicas is the reason of a wait if Redis has the records but not
// enough replicas do.
type TooFewReplicas struct{ Have, Want int }

func (e *TooFewReplicas) Error() string {
	return fmt.Sprintf("only %d of %s confirmed the records", e.Have, plural.Of(e.Want, "replica has", "replicas have"))
}

// sendReplicated writes the unconfirmed messages and marks them as queued once
// enough replicas have them. WAIT covers only the writes of its own connection,
// so all bodies for one master go through one connection, followed by WAIT.
func (p *Publisher) sendReplicated(ctx context.Context, messages []Message, receipts []Receipt) error {
	masters := map[string]*redis.Client{}
	groups := map[*redis.Client][]int{}
	for _, i := range unconfirmed(receipts) {
		node, err := p.master(ctx, masters, receipts[i].Key)
		if err != nil {
			return p.classify(err, receipts[i].Key)
		}
		groups[node] = append(groups[node], i)
	}
	for node, open := range groups {
		if err := p.sendAndWait(ctx, node, messages, receipts, open); err != nil {
			return err
		}
	}
	return nil
}

// master returns the client of the server that has the key.
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
	}
	known[key] = node
	return node, err
}

// sendAndWait writes one master's unconfirmed bodies. Their receipts stay
// unconfirmed until the replicas have them and the master is known to be one
// still, so any error before that sends them again.
func (p *Publisher) sendAndWait(ctx context.Context, node *redis.Client, messages []Message, receipts []Receipt, open []int) error {
	client, release := p.writer(node)
	defer release()
	conn := client.Conn()
	defer conn.Close()
	written := append([]Receipt(nil), receipts...)
	if err := p.send(ctx, conn, messages, written, open); err != nil {
		if cluster, ok := p.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx) // the key may have moved to another master
		}
		return err
	}
	key := receipts[open[0]].Key
	if err := p.awaitReplicas(ctx, node, conn, key); err != nil {
		return err
	}
	if err := p.confirmMaster(ctx, node, conn, key); err != nil {
		return err
	}
	copy(receipts, written)
	return nil
}

// awaitReplicas repeats WAIT (not the records, which are already written) until
// enough replicas have them, the connection fails, another server has become the
// master or ctx ends.
func (p *Publisher) awaitReplicas(ctx context.Context, node *redis.Client, conn *redis.Conn, key string) error {
	for {
		have, err := conn.Wait(context.WithoutCancel(ctx), p.opts.Replicas, replicaWait).Result()
		if err != nil {
			return p.classify(err, key)
		}
		if int(have) >= p.opts.Replicas {
			return nil
		}
		few := &TooFewReplicas{Have: int(have), Want: p.opts.Replicas}
		p.opts.OnWait(few, 0)
		if ctx.Err() != nil {
			return few
		}
		mine, err := p.replicationOf(ctx, conn, key)
		if err != nil {
			return err
		}
		if err := p.compare(ctx, node, mine, key); errors.Is(err, errDeposed) {
			return err
		}
	}
}
