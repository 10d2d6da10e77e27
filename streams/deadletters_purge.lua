-- Deletes dead letters and counts them. It deletes nothing that it can't
-- count.
-- Comes after need.lua.
--
-- KEYS  1 dead letters  2 ledger
-- ARGV  1… IDs
-- Returns how many were found. Running it again changes nothing.

local dead, ledger = KEYS[1], KEYS[2]
local opened = redis.call('HEXISTS', ledger, 'epoch') == 1
local before = redis.call('HGET', ledger, 'purged')
if before and not tonumber(before) then
  return redis.error_reply("ERR the ledger's field `purged` is not a number")
end
if opened then need({'HINCRBY', ledger, 'purged', 1}) end

local PAGE = 1000 -- Lua passes only some thousand arguments to a command
local n = 0
for from = 1, #ARGV, PAGE do
  local deleted = redis.call('XDEL', dead, unpack(ARGV, from, math.min(from + PAGE - 1, #ARGV)))
  if opened then redis.call('HINCRBY', ledger, 'purged', deleted) end
  n = n + deleted
end
return n
