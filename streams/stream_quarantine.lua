-- Begins an attempt at a quarantined entry: counts it before the body is read,
-- since reading it may be what kills the worker.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3 entry ID  4 number of this attempt
-- Returns {'begun', fields}; {'lost'} if the entry is held by another consumer or
-- settled; {'missing'} if it no longer exists, which this call counts.
--
-- The number is set rather than incremented, so the call may be repeated.

local group, consumer, id, attempt = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if #redis.call('XPENDING', stream, group, id, id, 1, consumer) == 0 then return {'lost'} end
local found = redis.call('XRANGE', stream, id, id)
if #found == 0 then
  may_drop()
  redis.call('XACK', stream, group, id)
  drop({id})
  return {'missing'}
end
redis.call('HSET', attempt_counts, id, attempt)
return {'begun', found[1][2]}
