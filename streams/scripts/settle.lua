-- Settles a batch: what is still pending is acknowledged and counted once.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 delayed data  5 ledger
-- ARGV  1 group  2 consumer  3 dead letters kept at most (0: all)
--       4 number of accepted sets, then for each: outcome, n, n entry IDs
--       then the number of guarded entries, and for each:
--         outcome, entry ID, kind (dead | drop | delay), due ms, n, n strings:
--         the dead letter's fields and values, or the payload to put back
-- Returns {settled, group exists (1 | 0), kept IDs, lost IDs, error}
--   kept  could not be written anywhere else and so stays pending
--   lost  a refusal or deferral of an entry that is another consumer's by now
--
-- The dead letter or delayed entry is written before the entry is
-- acknowledged: at maxmemory Redis checks a script's first write only, and
-- XACK passes while XADD fails. Running it again changes nothing.

local stream, dead, delayed, data, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, consumer, dead_max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local settled, exists, kept, lost, failure = 0, 1, {}, {}, ''
local at = 4

local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

local function take_list(n)
  local list = {}
  for i = 1, n do list[i] = ARGV[at + i - 1] end
  at = at + n
  return list
end

local accepted = {}
for _ = 1, tonumber(take()) do
  local outcome = take()
  accepted[#accepted + 1] = {outcome, take_list(tonumber(take()))}
end

local function failed(reply)
  if type(reply) == 'table' and reply['err'] then
    failure = reply['err']
    return true
  end
  return false
end

local function is_ours(id)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1, consumer)
  if type(pending) == 'table' and pending['err'] then
    exists = 0
    return false
  end
  return #pending > 0
end

local function bury(fields)
  if failed(redis.pcall('XADD', dead, '*', unpack(fields))) then return false end
  redis.call('HINCRBY', ledger, 'dead', 1)
  if dead_max > 0 then
    local purged = redis.call('XTRIM', dead, 'MAXLEN', dead_max)
    if purged > 0 then redis.call('HINCRBY', ledger, 'purged', purged) end
  end
  return true
end

local function delay(id, due, payload)
  if failed(redis.pcall('HSET', data, id, payload)) then return false end
  redis.call('ZADD', delayed, due, id)
  return true
end

for _ = 1, tonumber(take()) do
  local outcome, id, kind, due = take(), take(), take(), take()
  local strings = take_list(tonumber(take()))
  if not is_ours(id) then
    lost[#lost + 1] = id
  elseif (kind == 'dead' and not bury(strings)) or (kind == 'delay' and not delay(id, due, strings[1])) then
    kept[#kept + 1] = id
  else
    redis.call('XACK', stream, group, id)
    redis.call('HINCRBY', ledger, outcome, 1)
    settled = settled + 1
  end
end

for _, set in ipairs(accepted) do
  local outcome, ids = set[1], set[2]
  local n = 0
  for first = 1, #ids, 1000 do
    n = n + redis.call('XACK', stream, group, unpack(ids, first, math.min(first + 999, #ids)))
  end
  if n > 0 then redis.call('HINCRBY', ledger, outcome, n) end
  if n < #ids then
    local reply = redis.pcall('XPENDING', stream, group)
    if type(reply) == 'table' and reply['err'] then exists = 0 end
  end
  settled = settled + n
end

return {settled, exists, kept, lost, failure}
