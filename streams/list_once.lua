-- Sends commands that write to one key, each once however often this is called
-- with the same marker: after a lost reply it is called again. A command that is
-- refused ends the call, and the next goes on with it.
--
-- KEYS  marker, the key that is written to
-- ARGV  seconds for which the marker is kept; then of each command its name, how
--       many words follow the key, and these

local marker, key, life = KEYS[1], KEYS[2], ARGV[1]
local done = tonumber(redis.call('GET', marker) or 0)
redis.call('SET', marker, done, 'EX', life)
local number, at = 0, 2
while at <= #ARGV do
  local first, last = at + 2, at + 1 + tonumber(ARGV[at + 1])
  number = number + 1
  if number > done then
    redis.call(ARGV[at], key, unpack(ARGV, first, last))
    redis.call('SET', marker, number, 'EX', life)
  end
  at = last + 1
end
return number - done
