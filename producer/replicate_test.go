package producer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/producer"
)

func TestPublishWaitsForReplicas(t *testing.T) {
	master := env.Redis(t, env.WithConfig("repl-diskless-sync-delay", "0"))
	replica := env.Redis(t, env.WithConfig("replicaof", strings.Replace(master.Addr, ":", " ", 1), "appendonly", "no"))
	for _, target := range []producer.Target{producer.ToList("l"), producer.ToStream("s", 3)} {
		waits := make(chan error, 100)
		p := publisher(t, connect(t, master.URL()), target, producer.Options{
			Batch: 100, Replicas: 1, OnWait: func(err error, _ time.Duration) { waits <- err },
		})
		receipts, err := p.Publish(t.Context(), bodies(0, 250))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range receipts {
			if !r.Queued || r.Key == "" || (r.StreamID == "") != (target.Keys()[0] == "l") {
				t.Fatalf("receipt %d is %+v after the replica confirmed it", i, r)
			}
		}
		replica.Kill()
		done := make(chan error, 1)
		go func() {
			_, err := p.Publish(t.Context(), bodies(250, 500))
			done <- err
		}()
		if reason := <-waits; !strings.Contains(reason.Error(), "only 0 of 1") {
			t.Errorf("the reason of the wait is %v", reason)
		}
		replica.Start()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		client, total := replica.Client(t), int64(0)
		for _, key := range target.Keys() {
			total += client.LLen(t.Context(), key).Val() + client.XLen(t.Context(), key).Val()
		}
		if total != 500 {
			t.Errorf("the replica has %d bodies, want 500, each sent once", total)
		}
	}
}

func TestTooFewReplicasWhenTheContextEnds(t *testing.T) {
	server := env.Redis(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := publisher(t, connect(t, server.URL()), producer.ToStream("s", 1), producer.Options{
		Replicas: 2, OnWait: func(error, time.Duration) { cancel() },
	})
	receipts, err := p.Publish(ctx, bodies(0, 10))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "only 0 of 2") {
		t.Errorf("got %v", err)
	}
	if receipts[0].Queued || receipts[0].StreamID != "" {
		t.Errorf("the receipt is %+v without a replica", receipts[0])
	}
}

func TestCluster(t *testing.T) {
	nodes := startCluster(t)
	client := connect(t, "redis://"+nodes[0].Addr+","+nodes[1].Addr)
	for _, replicas := range []int{0, 1} {
		key := fmt.Sprintf("s%d", replicas)
		p := publisher(t, client, producer.ToStream(key, 8), producer.Options{Batch: 100, Replicas: replicas})
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		receipts, err := p.Publish(t.Context(), bodies(0, 500))
		if err != nil {
			t.Fatal(err)
		}
		for i, body := range bodies(0, 500) {
			entries, err := client.XRange(t.Context(), receipts[i].Key, receipts[i].StreamID, receipts[i].StreamID).Result()
			if err != nil || len(entries) != 1 || entries[0].Values["data"] != string(body) {
				t.Fatalf("entry %s of %s is %v (%v), want %s", receipts[i].StreamID, receipts[i].Key, entries, err, body)
			}
		}
		for _, node := range nodes[:2] {
			if n := node.Client(t).DBSize(t.Context()).Val(); n == 0 {
				t.Errorf("the master at %s has no stream", node.Addr)
			}
		}
	}
}

// startCluster starts two masters, each with half of the slots and one replica.
func startCluster(t *testing.T) []*env.RedisServer {
	t.Helper()
	nodes := make([]*env.RedisServer, 4)
	ids := make([]string, len(nodes))
	for i := range nodes {
		bus := freePort(t)
		nodes[i] = env.Redis(t, env.WithConfig("cluster-enabled", "yes", "cluster-port", bus, "repl-diskless-sync-delay", "0"))
		client := nodes[i].Client(t)
		ids[i] = client.ClusterMyID(t.Context()).Val()
		if i < 2 {
			must(t, client.ClusterAddSlotsRange(t.Context(), i*8192, i*8192+8191).Err())
		}
		host, port, _ := net.SplitHostPort(nodes[i].Addr)
		must(t, nodes[0].Client(t).Do(t.Context(), "CLUSTER", "MEET", host, port, bus).Err())
	}
	for i := 2; i < 4; i++ {
		client := nodes[i].Client(t)
		env.Eventually(t, timeout, func() (bool, string) {
			err := client.ClusterReplicate(t.Context(), ids[i-2]).Err()
			return err == nil, fmt.Sprint(err)
		})
	}
	for i, node := range nodes {
		client := node.Client(t)
		env.Eventually(t, timeout, func() (bool, string) {
			info := client.ClusterInfo(t.Context()).Val()
			links := client.Info(t.Context(), "replication").Val()
			connected := strings.Contains(links, "connected_slaves:1") || i >= 2 && strings.Contains(links, "master_link_status:up")
			return connected && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:4"), info + links
		})
	}
	return nodes
}

func must(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
