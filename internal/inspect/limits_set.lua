-- Sets or removes a customer's own limit, or does nothing if it is not as it was seen. Running
-- it again changes nothing.
--
-- KEYS  1 the limits hash {K}:limits
-- ARGV  1 customer  2 the limit as text; '' removes it  3 optional: the limit that was seen,
--       '' if there was none
-- Returns the limit before, '' if there was none.

local before = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if before ~= ARGV[2] and (not ARGV[3] or ARGV[3] == before) then
  if ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
  else
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  end
end
return before
