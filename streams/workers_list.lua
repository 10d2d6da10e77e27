-- Reads what the workers say of themselves.
--
-- KEYS  1 workers
-- Returns {names and values in turn, ms}.

local clock = redis.call('TIME')
return {redis.call('HGETALL', KEYS[1]), clock[1] * 1000 + math.floor(clock[2] / 1000)}
