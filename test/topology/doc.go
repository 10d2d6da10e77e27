// Package topology runs workers and a producer on a Redis Cluster and on Redis behind
// Sentinels: while hash slots move, while a master is killed, and in failovers by command.
// TOPOLOGY_RECORDS sets the number of records of each load.
package topology
