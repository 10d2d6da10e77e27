-- Begins a lone attempt at a suspect: the attempt is counted before the body
-- is read, since reading it may be what kills.
--
-- KEYS  1 stream  2 ledger  3 suspects
-- ARGV  1 group  2 consumer  3 entry ID  4 number of this attempt
-- Returns {'try', fields}, {'lost'} where the entry is another consumer's or
-- settled by now, {'missing'} where it no longer exists; then it is counted.
--
-- The number is set, not added to: the call may be repeated.

local stream, ledger, suspects = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, id, attempt = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if #redis.call('XPENDING', stream, group, id, id, 1, consumer) == 0 then return {'lost'} end
local found = redis.call('XRANGE', stream, id, id)
if #found == 0 then
  if redis.call('XACK', stream, group, id) == 1 then redis.call('HINCRBY', ledger, 'missing', 1) end
  redis.call('HDEL', suspects, id)
  return {'missing'}
end
redis.call('HSET', suspects, id, attempt)
return {'try', found[1][2]}
