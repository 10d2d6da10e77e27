-- Gives entries back so that another worker takes them at once: their idle
-- time is set to the claim threshold, and their delivery count to what it was
-- before this delivery, since an orderly hand-back is no failed one.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  3 idle ms  4… entry IDs
-- Returns how many were handed back: those that are still this consumer's.

local stream, group, consumer, idle = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local n = 0
for i = 4, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', stream, group, id, id, 1, consumer)
  if #pending > 0 and #redis.call('XRANGE', stream, id, id) > 0 then
    local count = math.max(pending[1][4] - 1, 0)
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', count, 'JUSTID')
    n = n + 1
  end
end
return n
