-- Claims entries whose lease has expired: only their IDs, since bodies may be
-- large, and their delivery counts are raised before any work on them.
-- Comes after need.lua and drop.lua.
--
-- KEYS  6 scan cursor, shared by all workers
-- ARGV  1 group  2 consumer  3 lease in ms  4 maximum number of entries
--       5 deliveries above which an entry is quarantined
--       6 pause in ms after the end of the pending list  7 if the list is empty
-- Returns {ms until the next call, 0 for at once, {id, deliveries, attempts, …}, missing}
--   attempts  of a quarantined entry, those that killed a worker; else -1
--   missing   IDs that were pending and no longer exist, counted by this call
--
-- The workers scan the pending list together and then all pause: each call looks
-- at a page of bounded size and continues where the last call stopped, whichever
-- worker made it. So a scan costs the same for any number of workers and does
-- not depend on a single one. A page without a claimed entry is not the end.

local scan = KEYS[6]
local group, consumer, idle, count, allowed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local pause_at_end, pause_if_empty = ARGV[6], ARGV[7]
local PAUSED, LONGEST_MS = 'paused', 10000

local from = redis.call('GET', scan) or ''
if from == PAUSED then
  local left = redis.call('PTTL', scan)
  -- More is left if the clock was set back.
  if left > 0 and left <= LONGEST_MS then return {left, {}, {}} end
end
if not string.match(from, '^%d+-%d+$') then from = '0-0' end

-- rest makes all workers pause. At maxmemory Redis may refuse that if nothing was
-- written before: then each pauses by itself.
local function rest(ms)
  redis.pcall('SET', scan, PAUSED, 'PX', ms)
  return tonumber(ms)
end

if from == '0-0' and redis.call('XPENDING', stream, group)[1] == 0 then return {rest(pause_if_empty), {}, {}} end

may_drop()
need({'XAUTOCLAIM', stream, group, consumer, idle, from}, {'HGET', attempt_counts, '0-0'},
  {'XCLAIM', stream, group, consumer, 0, '0-0'}, {'SET', scan, from})
local cursor, ids, missing = unpack(redis.call('XAUTOCLAIM', stream, group, consumer, idle, from, 'COUNT', count, 'JUSTID'))
drop(missing)

local claimed = {}
for _, id in ipairs(ids) do
  local deliveries = redis.call('XPENDING', stream, group, id, id, 1)[1][4]
  if redis.acl_check_cmd then deliveries = deliveries + 1 end -- JUSTID raises it in embedded servers only
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
  local attempts = -1
  if deliveries > allowed then attempts = tonumber(redis.call('HGET', attempt_counts, id) or 0) end
  for _, value in ipairs({id, deliveries, attempts}) do claimed[#claimed + 1] = value end
end

if cursor == '0-0' then return {rest(pause_at_end), claimed, missing} end
redis.call('SET', scan, cursor, 'PX', LONGEST_MS)
return {0, claimed, missing}
