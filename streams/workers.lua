-- Says that a worker lives, and forgets those that no longer say so.
-- Comes after need.lua.
--
-- KEYS  1 workers
-- ARGV  1 name of the worker  2 what it says of itself, as a JSON object  3 its instance, which
--       is in that object too  4 1: it has said so before  5 ms after which a worker is forgotten,
--       or 0: none is looked at
-- Returns what another instance has said under this name since this one last spoke, or ''.
--
-- The times are those of Redis, since the workers' clocks may differ.

local workers, name, said, instance = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local known, silence = ARGV[4] == '1', tonumber(ARGV[5])
need({'HSET', workers, name, ''}, {'HDEL', workers, name})

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- parsed is what somebody said, or nil.
local function parsed(text)
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' and type(value.at) == 'number' then return value end
end

-- An instance that speaks between two calls of this one lives at the same time.
local rival = ''
local there = redis.call('HGET', workers, name)
local other = there and parsed(there)
if known and other and other.instance ~= instance then
  other.rival, other.settings = nil, nil
  rival = cjson.encode(other)
end

local more = string.format('"at":%.0f', now)
if rival ~= '' then more = more .. ',"rival":' .. rival end
redis.call('HSET', workers, name, string.sub(said, 1, -2) .. ',' .. more .. '}')

if silence > 0 then
  local all = redis.call('HGETALL', workers)
  for i = 1, #all, 2 do
    local value = parsed(all[i + 1])
    if not value or value.at < now - silence then redis.call('HDEL', workers, all[i]) end
  end
end
return rival
