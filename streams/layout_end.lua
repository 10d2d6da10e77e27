-- Ends a change of the number of partitions of a stream, if it is in progress.
-- Comes after need.lua.
--
-- KEYS  1 layout
-- ARGV  1 the next number
-- Returns the fields and values of the layout: see layout_record.lua.

need({'HSET', KEYS[1], 'partitions', ARGV[1]}, {'HDEL', KEYS[1], 'next'})
local now, next, former = unpack(redis.call('HMGET', KEYS[1], 'partitions', 'next', 'former'))
if next == ARGV[1] then
  -- What has been a number stays a former one: it may become the number again.
  local list, seen = {}, {}
  for n in string.gmatch((former or '') .. ' ' .. now .. ' ' .. next, '%d+') do
    if not seen[n] then list[#list + 1] = n end
    seen[n] = true
  end
  redis.call('HSET', KEYS[1], 'partitions', next, 'former', table.concat(list, ' '))
  redis.call('HDEL', KEYS[1], 'next')
end
return redis.call('HGETALL', KEYS[1])
