-- Puts deferred records that are due back on the stream. What goes back
-- carries `origin`, its first ID, and `admitAt`, the place in the customer's
-- window that was reserved for it.
--
-- KEYS  1 stream  2 delayed set  3 delayed data  4 ledger
-- ARGV  1 now ms  2 at most so many
-- Returns {moved, due ms of the next one or -1, error, missing IDs}
--   missing  their fields were deleted by somebody else; they count as returned

local stream, delayed, data, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local moved, failure, missing, last = 0, '', {}, nil
local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #due, 2 do
  local id, at = due[i], due[i + 1]
  local payload = redis.call('HGET', data, id)
  if payload then
    local fields = cjson.decode(payload)
    fields[#fields + 1] = 'admitAt'
    fields[#fields + 1] = string.format('%.0f', tonumber(at))
    local reply = redis.pcall('XADD', stream, '*', unpack(fields))
    if type(reply) == 'table' and reply['err'] then
      failure = reply['err']
      break
    end
    moved, last = moved + 1, reply
  else
    missing[#missing + 1] = id
  end
  redis.call('ZREM', delayed, id)
  redis.call('HDEL', data, id)
end
local left = moved + #missing
if left > 0 then redis.call('HINCRBY', ledger, 'returned', left) end
if moved > 0 then
  -- Until these are finished, the places that they waited for may be judged by:
  -- the trimmer reads here which that are, and up to which ID.
  local field = redis.call('HEXISTS', ledger, 'returning') == 1 and 'returning:next' or 'returning'
  local least = tonumber(string.match(redis.call('HGET', ledger, field) or '', '^%d+') or due[2])
  redis.call('HSET', ledger, field, string.format('%.0f ', math.min(least, tonumber(due[2]))) .. last)
end
local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
return {moved, first[2] and string.format('%.0f', tonumber(first[2])) or '-1', failure, missing}
