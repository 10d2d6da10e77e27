-- Renews the lease on entries that are still this consumer's. A worker that
-- was frozen past its lease must not steal back what another has taken over.
-- Comes after need.lua and drop.lua.
--
-- ARGV  1 group  2 consumer  3… entry IDs
-- Returns {lost, missing}
--   lost     IDs that are not this consumer's any more
--   missing  IDs that no longer exist, counted now. Nobody else can take them:
--            the worker that has the body settles it
--
-- XCLAIM drops an entry that no longer exists, as XAUTOCLAIM does; where a
-- server keeps it, XACK does.

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
