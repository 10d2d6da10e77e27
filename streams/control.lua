-- Reads what operators ask of the workers.
--
-- KEYS  1 control
-- ARGV  the fields
-- Returns {values, ms}; the time is 0 unless the second field, the end of a pause, is set.

local fields = redis.call('HMGET', KEYS[1], unpack(ARGV))
if not fields[2] or fields[2] == '' then return {fields, 0} end
local clock = redis.call('TIME')
return {fields, clock[1] * 1000 + math.floor(clock[2] / 1000)}
