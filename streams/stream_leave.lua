-- Removes consumers that hold nothing. XGROUP DELCONSUMER drops what a consumer
-- holds for good, so the check and the removal are one step. One that is alive
-- after all is made again by its next read.
--
-- KEYS  1 stream
-- ARGV  1 group  2… consumers
-- Returns how many were removed.

local stream, group = KEYS[1], ARGV[1]
local removed = 0
for i = 2, #ARGV do
  if #redis.call('XPENDING', stream, group, '-', '+', 1, ARGV[i]) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, ARGV[i])
    removed = removed + 1
  end
end
return removed
