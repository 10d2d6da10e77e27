-- Forgets a worker that stops, unless another instance has taken its name.
--
-- KEYS  1 workers
-- ARGV  1 name of the worker  2 its instance

local said = redis.call('HGET', KEYS[1], ARGV[1])
if not said then return 0 end
local ok, value = pcall(cjson.decode, said)
if ok and type(value) == 'table' and value.instance ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
