-- Begins to change the number of partitions of a stream. A change that has not ended is
-- replaced, and its number counts as a former one: producers may have used it.
--
-- KEYS  1 layout
-- ARGV  1 the number now, if none is recorded  2 the next number
-- Returns the fields and values of the layout: see layout_record.lua.

local now, next, former = unpack(redis.call('HMGET', KEYS[1], 'partitions', 'next', 'former'))
former = former or ''
if next and next ~= ARGV[2] then former = former .. ' ' .. next end
redis.call('HSET', KEYS[1], 'partitions', now or ARGV[1], 'next', ARGV[2], 'former', former)
return redis.call('HGETALL', KEYS[1])
