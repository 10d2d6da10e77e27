-- Takes or renews the right to archive a partition. Redis may be at maxmemory: then the
-- caller repeats it with the flag allow-oom.
--
-- KEYS  1 lease
-- ARGV  1 who asks  2 ms for which the lease lasts
-- Returns who has the lease now.

local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  holder = ARGV[1]
end
return holder
