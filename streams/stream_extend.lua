-- Extends the lease of entries that this consumer still holds. A worker that was
-- frozen beyond its lease must not take back what another has claimed.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3… entry IDs
-- Returns {lost, missing}
--   lost     IDs that this consumer no longer holds
--   missing  IDs that no longer exist, counted by this call. Nobody else can claim
--            them: the worker that has the body settles them
--
-- XCLAIM drops an entry that no longer exists, as XAUTOCLAIM does; if a server
-- keeps it, XACK drops it.

local group, consumer = ARGV[1], ARGV[2]
local lost, missing = {}, {}

may_drop()
need({'XPENDING', stream, group}, {'HEXISTS', gone, '0-0'}, {'XCLAIM', stream, group, consumer, 0, '0-0'}, {'XACK', stream, group, '0-0'})
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', stream, group, id, id, 1, consumer)[1]
  if not pending then
    if redis.call('HEXISTS', gone, id) == 0 then lost[#lost + 1] = id end
  elseif #redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', pending[4], 'JUSTID') == 0 then
    redis.call('XACK', stream, group, id)
    missing[#missing + 1] = id
  end
end
drop(missing)
return {lost, missing}
