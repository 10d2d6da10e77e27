-- Records the number of partitions of a stream unless one is recorded.
--
-- KEYS  1 layout
-- ARGV  1 number of partitions
-- Returns the fields and values of the layout:
--   partitions  the number now
--   next        the number to which it is being changed; missing: it is not
--   former      numbers of before, separated by blanks

if redis.call('HEXISTS', KEYS[1], 'partitions') == 0 then
  redis.call('HSET', KEYS[1], 'partitions', ARGV[1])
end
return redis.call('HGETALL', KEYS[1])
