-- Runs commands that write to one key, each of them once even if the call is
-- repeated with the same marker after a lost reply. A refused command ends the call;
-- a repetition continues with it.
--
-- KEYS  1 marker  2 the key that is written to
-- ARGV  1 seconds for which the marker is kept
--       then for each command: its name, the number of arguments after the key, the
--       arguments
-- Returns how many commands were run.

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
