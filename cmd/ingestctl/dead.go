package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ingestion/internal/config"
	"ingestion/record"
	"ingestion/streams"
)

const deadHelp = `dead manages the dead letters: refused records, each kept with the reason.

  list    shows them
  replay  puts them back on the queue, unchanged, to be processed again
  purge   deletes them for good

replay and purge are counted in the ledger, so that the account of "ingestctl
reconcile" still balances. Do not delete dead letters with other Redis commands:
the account would no longer balance.

Replay once the reason for the refusal is gone, for example after a change to
the collection's validation rules or a higher limit. What is refused again
becomes a new dead letter. On a stream, a replayed record keeps the ID of its
first entry as its origin.`

func deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, replay or purge dead letters",
		Long:  deadHelp,
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(listCommand(), replayCommand(), purgeCommand())
	return cmd
}

// selection says which dead letters a command applies to.
type selection struct {
	events    []string
	olderThan time.Duration
	all       bool
	limit     int      // 0: no limit
	ids       []string // as on the command line

	before int64 // latest time of writing in ms, from olderThan; 0: any
}

func (s *selection) addFilters(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.events, "event", nil, "only this `EVENT`, such as rejected; may be repeated")
	cmd.Flags().DurationVar(&s.olderThan, "older-than", 0, "only those of at least this `AGE`, such as 24h")
}

// check reports a selection that is invalid or, for a command that changes dead
// letters, empty: those must be selected explicitly.
func (s *selection) check(changes bool) error {
	var refusals []string
	for _, outcome := range record.Outcomes() {
		if outcome.Refused() {
			refusals = append(refusals, outcome.String())
		}
	}
	for _, event := range s.events {
		if !slices.Contains(refusals, event) {
			return fmt.Errorf("--event %q: want one of %s", event, strings.Join(refusals, ", "))
		}
	}
	filtered := len(s.events) > 0 || s.olderThan > 0
	switch {
	case s.olderThan < 0:
		return fmt.Errorf("--older-than %v is negative", s.olderThan)
	case s.limit < 0:
		return fmt.Errorf("--limit %d is negative", s.limit)
	case len(s.ids) > 0 && (filtered || s.all || s.limit > 0):
		return errors.New("select dead letters by ID or by flags, not both")
	case s.all && filtered:
		return errors.New("--all excludes --event and --older-than")
	case changes && len(s.ids) == 0 && !filtered && !s.all:
		return errors.New("no dead letters selected: give IDs, as \"ingestctl dead list\" shows them, or --event, --older-than or --all")
	}
	return nil
}

func (s *selection) matches(letter *streams.DeadLetter) bool {
	return (len(s.events) == 0 || slices.Contains(s.events, letter.Event)) && (s.before == 0 || writtenAt(letter.ID) <= s.before)
}

// writtenAt returns when a dead letter was written, in ms by the clock of Redis,
// taken from its ID.
func writtenAt(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// start fixes the time from which --older-than counts back.
func (s *selection) start(ctx context.Context, session *session) error {
	if s.olderThan == 0 {
		return nil
	}
	now, err := session.redis.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("asking Redis for the time: %w", err)
	}
	s.before = now.Add(-s.olderThan).UnixMilli()
	return nil
}

// partition is the dead letters of one partition. Since IDs may repeat across
// partitions, prefix tells them apart on the command line.
type partition struct {
	*streams.DeadLetters
	prefix string // "", or for example "2:"
}

func (s *session) partitions() []partition {
	if s.cfg.QueueMode == config.ModeList {
		return []partition{{DeadLetters: streams.NewListDeadLetters(s.redis, s.cfg.QueueKey)}}
	}
	var all []partition
	for i, key := range s.keys() {
		p := partition{DeadLetters: streams.NewDeadLetters(s.redis, key)}
		if s.cfg.StreamPartitions > 1 {
			p.prefix = strconv.Itoa(i) + ":"
		}
		all = append(all, p)
	}
	return all
}

var entryID = regexp.MustCompile(`^[0-9]+-[0-9]+$`)

// byPartition returns the IDs of the command line grouped by partition, without
// prefixes.
func (s *selection) byPartition(partitions []partition) ([][]string, error) {
	groups := make([][]string, len(partitions))
	for _, name := range s.ids {
		i := slices.IndexFunc(partitions, func(p partition) bool {
			id, ok := strings.CutPrefix(name, p.prefix)
			return ok && entryID.MatchString(id)
		})
		if i < 0 {
			want := "for example 1795477478417-0"
			if len(partitions) > 1 {
				want = fmt.Sprintf("partition:ID, for example %s1795477478417-0, since STREAM_PARTITIONS=%d", partitions[1].prefix, len(partitions))
			}
			return nil, fmt.Errorf("invalid dead letter ID %q: want %s", name, want)
		}
		groups[i] = append(groups[i], strings.TrimPrefix(name, partitions[i].prefix))
	}
	return groups, nil
}
