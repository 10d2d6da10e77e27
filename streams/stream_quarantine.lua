-- Begins a lone attempt at a suspect: the attempt is counted before the body
-- is read, since reading it may be what kills.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3 entry ID  4 number of this attempt
-- Returns {'try', fields}, {'lost'} where the entry is another consumer's or
-- settled by now, {'missing'} where it no longer exists; then it is counted.
--
-- The number is set, not added to: the call may be repeated.

local group, consumer, id, attempt = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if #redis.call('XPENDING', stream, group, id, id, 1, consumer) == 0 then return {'lost'} end
local found = redis.call('XRANGE', stream, id, id)
if #found == 0 then
  may_drop()
  redis.call('XACK', stream, group, id)
  drop({id})
  return {'missing'}
end
redis.call('HSET', suspects, id, attempt)
return {'try', found[1][2]}
