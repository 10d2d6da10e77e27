-- Takes over entries whose lease has run out: the IDs only, since the bodies
-- may be large, and raises their delivery counts before any work on them.
--
-- KEYS  1 stream  2 ledger  3 suspects
-- ARGV  1 group  2 consumer  3 least idle ms  4 cursor  5 at most so many
--       6 deliveries above which an entry is suspected of killing its worker
-- Returns {next cursor ('0-0' at the end), {id, deliveries, tries, …}, missing}
--   tries    lone attempts that killed a worker, of a suspect; else -1
--   missing  IDs that were pending and no longer exist; they are counted
--
-- The cursor is the last ID looked at, which the next call looks at once more.
-- An empty page with a cursor is not the end: a call looks at a bounded part of
-- the pending list. XPENDING's own filter by idle time would go through all of
-- it to find too few, and XAUTOCLAIM drops what no longer exists from it at
-- once (Redis 7), also what a living worker holds and may still insert.

local stream, ledger, suspects = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, idle, cursor, count = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local allowed = tonumber(ARGV[6])

local look = math.max(count, math.min(10 * count, 1000))
local page = redis.call('XPENDING', stream, group, cursor, '+', look)
local last = ''
local claimed, taken, missing = {}, 0, {}

-- take claims one entry. XCLAIM tells of one that no longer exists by claiming
-- nothing; whether it stays pending depends on the version of Redis.
local function take(id, deliveries)
  if #redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID') == 0 then
    redis.call('XACK', stream, group, id)
    redis.call('HDEL', suspects, id)
    missing[#missing + 1] = id
    return
  end
  local tries = -1
  if deliveries > allowed then tries = tonumber(redis.call('HGET', suspects, id) or 0) end
  for _, value in ipairs({id, deliveries, tries}) do claimed[#claimed + 1] = value end
  taken = taken + 1
end

for _, pending in ipairs(page) do
  if taken + #missing == count then break end
  last = pending[1]
  if pending[3] >= idle then take(last, pending[4] + 1) end
end

if #missing > 0 then redis.call('HINCRBY', ledger, 'missing', #missing) end
local finished = #page < look and (#page == 0 or last == page[#page][1])
return {finished and '0-0' or last, claimed, missing}
