-- Takes over entries whose lease has run out: the IDs only, since the bodies
-- may be large, and raises their delivery counts before any work on them.
--
-- KEYS  1 stream  2 ledger
-- ARGV  1 group  2 consumer  3 least idle ms  4 cursor  5 at most so many
-- Returns {next cursor ('0-0' at the end), {id, deliveries, …}, missing IDs}
--
-- An empty page with a cursor is not the end: XAUTOCLAIM looks at ten times
-- the count and may find nothing idle among them.

local stream, ledger = KEYS[1], KEYS[2]
local group, consumer, idle, cursor, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local reply = redis.call('XAUTOCLAIM', stream, group, consumer, idle, cursor, 'COUNT', count, 'JUSTID')
local missing = reply[3] or {}
if #missing > 0 then redis.call('HINCRBY', ledger, 'missing', #missing) end

local claimed = {}
for _, id in ipairs(reply[2]) do
  local pending = redis.call('XPENDING', stream, group, id, id, 1)
  if #pending > 0 then
    local deliveries = pending[1][4] + 1
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = deliveries
  end
end
return {reply[1], claimed, missing}
