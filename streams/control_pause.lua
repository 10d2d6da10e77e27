-- Pauses the workers of a queue.
--
-- KEYS  1 control
-- ARGV  1 `paused`  2 `pausedUntil`  3 `by`  4 `reason`

local clock = redis.call('TIME')
local at = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
return redis.call('HSET', KEYS[1], 'paused', ARGV[1], 'pausedUntil', ARGV[2], 'by', ARGV[3], 'reason', ARGV[4], 'at', at)
