-- Ends a pause of the workers of a queue.
--
-- KEYS  1 control
-- ARGV  the fields
-- Returns {values, ms}: what the pause was, and the time. Running it again finds none.

local fields = redis.call('HMGET', KEYS[1], unpack(ARGV))
local clock = redis.call('TIME')
redis.call('DEL', KEYS[1])
return {fields, clock[1] * 1000 + math.floor(clock[2] / 1000)}
