-- Gives entries back so that another worker takes them at once: their idle
-- time is set to the claim threshold, and their delivery count to what it was
-- before this delivery, since an orderly hand-back is no failed one. Nor is it
-- a death of a suspect's lone attempt, which is uncounted.
--
-- KEYS  1 stream  2 suspects
-- ARGV  1 group  2 consumer  3 idle ms
--       4… for each entry: ID, delivery count to restore, lone attempts to
--       restore (-1: leave them)
-- Returns how many were handed back: those that are still this consumer's.
--
-- XCLAIM comes first: at maxmemory Redis checks a script's first write only.

local stream, suspects = KEYS[1], KEYS[2]
local group, consumer, idle = ARGV[1], ARGV[2], ARGV[3]
local n = 0
for i = 4, #ARGV, 3 do
  local id, deliveries, tries = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local pending = redis.call('XPENDING', stream, group, id, id, 1, consumer)
  if #pending > 0 and #redis.call('XRANGE', stream, id, id) > 0 then
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', deliveries, 'JUSTID')
    if tries == 0 then redis.call('HDEL', suspects, id) end
    if tries > 0 then redis.call('HSET', suspects, id, tries) end
    n = n + 1
  end
end
return n
