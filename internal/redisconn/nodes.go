package redisconn

import (
	"context"
	"net"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// nodes is a hook of the clients of a Cluster's nodes. It knows their
// connections, and breaks those to a master that the Cluster has given up: what
// waits for its reply would wait until the time-out.
type nodes struct {
	mu      sync.Mutex
	conns   map[string]map[*nodeConn]struct{} // by address
	masters map[string]bool                   // when last asked
}

func newNodes() *nodes { return &nodes{conns: map[string]map[*nodeConn]struct{}{}} }

// ProcessHook bounds and reads what a node says of the masters.
func (n *nodes) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		slots, ok := cmd.(*redis.ClusterSlotsCmd)
		if !ok {
			return next(ctx, cmd)
		}
		ctx, cancel := context.WithTimeout(ctx, slotsWithin)
		defer cancel()
		err := next(ctx, cmd)
		if err == nil {
			n.update(slots.Val())
		}
		return err
	}
}

// ProcessPipelineHook leaves pipelines as they are.
func (n *nodes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// update breaks the connections to masters that are no part of the Cluster any
// more. One that goes on as a replica answers by itself.
func (n *nodes) update(slots []redis.ClusterSlot) {
	masters, all := map[string]bool{}, map[string]bool{}
	for _, slot := range slots {
		for i, node := range slot.Nodes {
			all[node.Addr] = true
			if i == 0 {
				masters[node.Addr] = true
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr := range n.masters {
		if !all[addr] {
			for conn := range n.conns[addr] {
				_ = conn.Conn.Close()
			}
		}
	}
	n.masters = masters
}

// DialHook takes note of a connection.
func (n *nodes) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		noted := &nodeConn{Conn: conn, nodes: n, addr: addr}
		n.add(noted)
		if raw, ok := conn.(syscall.Conn); ok { // by which the library sees whether it is still open
			return struct {
				*nodeConn
				syscall.Conn
			}{noted, raw}, nil
		}
		return noted, nil
	}
}

func (n *nodes) add(c *nodeConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[c.addr] == nil {
		n.conns[c.addr] = map[*nodeConn]struct{}{}
	}
	n.conns[c.addr][c] = struct{}{}
}

func (n *nodes) remove(c *nodeConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if delete(n.conns[c.addr], c); len(n.conns[c.addr]) == 0 {
		delete(n.conns, c.addr)
	}
}

// nodeConn is a connection that nodes knows of.
type nodeConn struct {
	net.Conn
	nodes *nodes
	addr  string
}

// Close has it forgotten.
func (c *nodeConn) Close() error {
	c.nodes.remove(c)
	return c.Conn.Close()
}
