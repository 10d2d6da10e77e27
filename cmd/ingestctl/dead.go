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

const deadHelp = `dead looks after the dead letters: the refused records, kept with the reason.

"list" shows them. "replay" puts them back on the queue, unedited, to be judged
afresh; on a stream each keeps, as its origin, the ID under which it first came.
"purge" deletes them for good. Both are counted in the ledger, so the account of
"ingestctl reconcile" goes on balancing; deleting them by hand would spoil it.

Replaying is of use once its reason has gone: a validation rule of the collection
was changed, a limit was raised. What is still refused becomes a dead letter
again.`

func deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, replay or purge dead letters",
		Long:  deadHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(listCommand(), replayCommand(), purgeCommand())
	return cmd
}

// selection says which dead letters are meant.
type selection struct {
	events    []string
	olderThan time.Duration
	all       bool
	limit     int
	ids       []string // as on the command line

	before int64 // ms, made of olderThan
}

func (s *selection) addFilters(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.events, "event", nil, "only those refused so, for example rejected; may be repeated")
	cmd.Flags().DurationVar(&s.olderThan, "older-than", 0, "only those written so long ago or longer, for example 24h")
}

// check finds faults of the command line. Changing dead letters takes words
// that say which.
func (s *selection) check(changes bool) error {
	var names []string
	for _, outcome := range record.Outcomes() {
		if outcome.Refused() {
			names = append(names, outcome.String())
		}
	}
	for _, event := range s.events {
		if !slices.Contains(names, event) {
			return fmt.Errorf("--event %q is none of %s", event, strings.Join(names, ", "))
		}
	}
	filtered := len(s.events) > 0 || s.olderThan > 0
	switch {
	case s.olderThan < 0:
		return fmt.Errorf("--older-than %v is negative", s.olderThan)
	case s.limit < 0:
		return fmt.Errorf("--limit %d is negative", s.limit)
	case len(s.ids) > 0 && (filtered || s.all || s.limit > 0):
		return errors.New("name dead letters by ID, or choose them by flags, not both")
	case s.all && filtered:
		return errors.New("--all goes without --event and --older-than")
	case changes && len(s.ids) == 0 && !filtered && !s.all:
		return errors.New("which ones? Name IDs, as \"ingestctl dead list\" shows them, or give --event, --older-than or --all")
	}
	return nil
}

func (s *selection) matches(letter *streams.DeadLetter) bool {
	return (len(s.events) == 0 || slices.Contains(s.events, letter.Event)) && (s.before == 0 || written(letter.ID) <= s.before)
}

// written is the moment, in ms by Redis' clock, that a dead letter's ID has.
func written(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// start fixes the moment that --older-than counts from.
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

// partition is where dead letters are, with the name that IDs get on the
// command line: several partitions may have the same ID.
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

// byPartition sorts the IDs of the command line.
func (s *selection) byPartition(partitions []partition) ([][]string, error) {
	sorted := make([][]string, len(partitions))
	for _, name := range s.ids {
		i := slices.IndexFunc(partitions, func(p partition) bool {
			id, ok := strings.CutPrefix(name, p.prefix)
			return ok && entryID.MatchString(id)
		})
		if i < 0 {
			want := "for example 1795477478417-0"
			if len(partitions) > 1 {
				want = fmt.Sprintf("partition and ID, for example %s1795477478417-0, with STREAM_PARTITIONS=%d", partitions[1].prefix, len(partitions))
			}
			return nil, fmt.Errorf("%q is no dead letter's ID: want %s", name, want)
		}
		sorted[i] = append(sorted[i], strings.TrimPrefix(name, partitions[i].prefix))
	}
	return sorted, nil
}
