#!/bin/sh
# Makes a Redis Cluster without replicas of the nodes named, on port 6379, and waits until it
# works: cluster.sh redis-1 redis-2 redis-3. Each node gets an equal share of the slots.
#
# It may be repeated, and must be when containers were made anew: their addresses have
# changed, and none of the nodes knows where the others are. It needs sh, redis-cli and getent.
set -eu

address() {
  set -- $(getent hosts "$1")
  echo "$1"
}

# await NODE TEXT COMMAND... waits until the reply to a command contains the text.
await() {
  node=$1 text=$2 tries=60
  shift 2
  while :; do
    case $(redis-cli -h "$node" "$@" 2>&1) in *"$text"*) return ;; esac
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "cluster.sh: $node: no $text in the reply to $* within a minute" >&2; exit 1; }
    sleep 1
  done
}

first=$1 nodes=$#
for node; do
  await "$node" PONG ping
done
for node; do
  redis-cli -h "$first" cluster meet "$(address "$node")" 6379
done
for node; do
  await "$node" "cluster_known_nodes:$nodes" cluster info
done
case $(redis-cli -h "$first" cluster info) in
  *cluster_slots_assigned:16384*) ;;
  *)
    n=0
    for node; do
      redis-cli -h "$node" cluster addslotsrange $((n * 16384 / nodes)) $(((n + 1) * 16384 / nodes - 1))
      n=$((n + 1))
    done
    ;;
esac
for node; do
  await "$node" cluster_state:ok cluster info
done
echo "cluster.sh: the Cluster of $* works"
