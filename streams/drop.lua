-- Begins the scripts that may take an entry off the pending list which no longer
-- exists: whoever drops one counts it as missing and remembers it, and settle.lua
-- corrects the count if a worker that still holds the body settles it after all.
--
-- KEYS  1 stream  2 ledger  3 suspects  4 gone  5 returns

local stream, ledger, suspects, gone, returns = unpack(KEYS)

-- What is dropped is remembered for ten of the longest leases: a worker that
-- makes no progress for ten of its own hands back what it holds.
local REMEMBERED_MS = 10 * 24 * 3600 * 1000
-- More than the living workers hold; what is beyond it stays missing.
local MOST_REMEMBERED = 100000

-- may_drop ends the script where it could drop an entry and not count it.
local function may_drop()
  need({'HINCRBY', ledger, 'missing', 1}, {'HDEL', suspects, '0-0'}, {'HDEL', returns, '0-0'}, {'HLEN', suspects}, {'HLEN', gone}, {'HLEN', returns},
    {'HSET', gone, '0-0', ''}, {'PEXPIRE', gone, REMEMBERED_MS})
  if not string.match(redis.call('HGET', ledger, 'missing') or '0', '^-?%d+$') then
    error({err = "ERR the ledger's field `missing` is no number"})
  end
  redis.call('HLEN', suspects) -- fails if it is no hash
  redis.call('HLEN', gone)
  redis.call('HLEN', returns)
end

local function drop(ids)
  if #ids == 0 then return end
  redis.call('HINCRBY', ledger, 'missing', #ids)
  local room = MOST_REMEMBERED - redis.call('HLEN', gone)
  for i, id in ipairs(ids) do
    redis.call('HDEL', suspects, id)
    redis.call('HDEL', returns, id)
    if i <= room then redis.call('HSET', gone, id, '') end
  end
  if room > 0 then redis.call('PEXPIRE', gone, REMEMBERED_MS) end
end

