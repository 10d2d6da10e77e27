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
-- An empty page with a cursor is not the end: XAUTOCLAIM looks at ten times
-- the count and may find nothing idle among them.

local stream, ledger, suspects = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, idle, cursor, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local allowed = tonumber(ARGV[6])

local reply = redis.call('XAUTOCLAIM', stream, group, consumer, idle, cursor, 'COUNT', count, 'JUSTID')
local missing = reply[3] or {}
if #missing > 0 then
  redis.call('HINCRBY', ledger, 'missing', #missing)
  for _, id in ipairs(missing) do redis.call('HDEL', suspects, id) end
end

-- JUSTID leaves the delivery count alone, but in the embedded Redis raises it.
-- That one tells of no radix tree.
local function raised()
  if #reply[2] == 0 then return 0 end
  for _, name in ipairs(redis.call('XINFO', 'STREAM', stream)) do
    if name == 'radix-tree-keys' then return 0 end
  end
  return 1
end

local raise = 1 - raised()
local claimed = {}
for _, id in ipairs(reply[2]) do
  local pending = redis.call('XPENDING', stream, group, id, id, 1)
  if #pending > 0 then
    local deliveries = pending[1][4] + raise
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
    local tries = -1
    if deliveries > allowed then tries = tonumber(redis.call('HGET', suspects, id) or 0) end
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = deliveries
    claimed[#claimed + 1] = tries
  end
end
return {reply[1], claimed, missing}
