-- Takes over entries whose lease has run out: the IDs only, since the bodies
-- may be large, and raises their delivery counts before any work on them.
-- Comes after need.lua and drop.lua.
--
-- KEYS  6 how far the workers have got with looking
-- ARGV  1 group  2 consumer  3 least idle ms  4 at most so many
--       5 deliveries above which an entry is suspected of killing its worker
--       6 pause ms after the end of the pending list  7 where it is empty
-- Returns {ms until the next look, 0 for at once, {id, deliveries, tries, …}, missing}
--   tries    lone attempts that killed a worker, of a suspect; else -1
--   missing  IDs that were pending and no longer exist; they are counted
--
-- The workers go through the pending list together, and then all pause: each
-- call looks at a bounded part, from where the last one stopped, whosever that
-- was. So it costs the same with any number of workers, none of which is missed
-- when it dies. A page without an entry is not the end.

local scan = KEYS[6]
local group, consumer, idle, count, allowed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local pause, longer = ARGV[6], ARGV[7]
local PAUSED, LONGEST_MS = 'paused', 10000

local from = redis.call('GET', scan) or ''
if from == PAUSED then
  local left = redis.call('PTTL', scan)
  -- More is left where the clock was set back.
  if left > 0 and left <= LONGEST_MS then return {left, {}, {}} end
end
if not string.match(from, '^%d+-%d+$') then from = '0-0' end

-- rest has all workers pause. At maxmemory that may be refused where nothing was
-- written before: then each pauses by itself.
local function rest(ms)
  redis.pcall('SET', scan, PAUSED, 'PX', ms)
  return tonumber(ms)
end

if from == '0-0' and redis.call('XPENDING', stream, group)[1] == 0 then return {rest(longer), {}, {}} end

may_drop()
need({'XAUTOCLAIM', stream, group, consumer, idle, from}, {'HGET', suspects, '0-0'},
  {'XCLAIM', stream, group, consumer, 0, '0-0'}, {'SET', scan, from})
local cursor, ids, missing = unpack(redis.call('XAUTOCLAIM', stream, group, consumer, idle, from, 'COUNT', count, 'JUSTID'))
drop(missing)

local claimed = {}
for _, id in ipairs(ids) do
  local deliveries = redis.call('XPENDING', stream, group, id, id, 1)[1][4]
  if redis.acl_check_cmd then deliveries = deliveries + 1 end -- JUSTID raises it in embedded servers only
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
  local tries = -1
  if deliveries > allowed then tries = tonumber(redis.call('HGET', suspects, id) or 0) end
  for _, value in ipairs({id, deliveries, tries}) do claimed[#claimed + 1] = value end
end

if cursor == '0-0' then return {rest(pause), claimed, missing} end
redis.call('SET', scan, cursor, 'PX', LONGEST_MS)
return {0, claimed, missing}
