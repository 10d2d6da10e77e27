-- Removes consumers that hold nothing from the group. XGROUP DELCONSUMER discards
-- what a consumer holds, so check and removal are one step. A consumer that is
-- alive is created again by its next read.
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
