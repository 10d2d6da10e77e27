-- Reads the history of one unit of time.
--
-- KEYS  1 history
-- ARGV  1 length of a period in ms  2 periods kept  3 the time in ms from which on
-- Returns the values of the periods, oldest first: see history.lua.

local unit, keep, from = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local newest = math.floor((clock[1] * 1000 + math.floor(clock[2] / 1000)) / unit)
local oldest = math.max(math.floor(from / unit), newest - keep + 1)

local fields, found = {}, {}
for number = oldest, newest do fields[#fields + 1] = string.format('%.0f', number % keep) end
if #fields == 0 then return found end
-- A value of another period is what the clock left behind when it was set back, or
-- what has not been overwritten since.
for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
  local start = string.format('%.0f', (oldest + i - 1) * unit)
  if value and string.match(value, '^%d+') == start then found[#found + 1] = value end
end
return found
