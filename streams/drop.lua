-- Begins the scripts that may drop an entry from the pending list because it no
-- longer exists: they count it as missing and remember it. stream_settle.lua
-- corrects the count if a worker that still has the body settles the entry.
--
-- KEYS  1 stream  2 ledger  3 quarantined attempts  4 gone  5 returns

local stream, ledger, attempt_counts, gone, returns = unpack(KEYS)

-- Dropped entries are remembered for ten times the longest lease: a worker
-- without progress for ten leases nacks what it holds.
local REMEMBERED_MS = 10 * 24 * 3600 * 1000
-- More than all running workers hold. Entries beyond it stay missing.
local MOST_REMEMBERED = 100000

-- may_drop ends the script if it could drop an entry without counting it.
local function may_drop()
  need({'HINCRBY', ledger, 'missing', 1}, {'HDEL', attempt_counts, '0-0'}, {'HDEL', returns, '0-0'}, {'HLEN', attempt_counts}, {'HLEN', gone}, {'HLEN', returns},
    {'HSET', gone, '0-0', ''}, {'PEXPIRE', gone, REMEMBERED_MS})
  if not string.match(redis.call('HGET', ledger, 'missing') or '0', '^-?%d+$') then
    error({err = "ERR the ledger's field `missing` is not a number"})
  end
  redis.call('HLEN', attempt_counts) -- fails if it is not a hash
  redis.call('HLEN', gone)
  redis.call('HLEN', returns)
end

local function drop(ids)
  if #ids == 0 then return end
  redis.call('HINCRBY', ledger, 'missing', #ids)
  local room = MOST_REMEMBERED - redis.call('HLEN', gone)
  for i, id in ipairs(ids) do
    redis.call('HDEL', attempt_counts, id)
    redis.call('HDEL', returns, id)
    if i <= room then redis.call('HSET', gone, id, '') end
  end
  if room > 0 then redis.call('PEXPIRE', gone, REMEMBERED_MS) end
end

