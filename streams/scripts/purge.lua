-- Deletes dead letters for good and counts them.
--
-- KEYS  1 dead letters  2 ledger
-- ARGV  1… IDs
-- Returns how many there were. Running it again changes nothing.

local dead, ledger = KEYS[1], KEYS[2]
local opened = redis.call('HEXISTS', ledger, 'epoch') == 1
local before = redis.call('HGET', ledger, 'purged')
if before and not tonumber(before) then
  return redis.error_reply("ERR the ledger's field `purged` is no number")
end
local n = redis.call('XDEL', dead, unpack(ARGV))
if opened then redis.call('HINCRBY', ledger, 'purged', n) end
return n
