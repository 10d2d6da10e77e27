-- Settles a batch: what is still pending is acknowledged and counted once.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 delayed data  5 ledger
--       6 suspects
-- ARGV  1 group  2 consumer  3 dead letters kept at most (0: all)
--       4 number of accepted sets, then for each: outcome, n, n entry IDs
--       then the number of guarded entries, and for each:
--         outcome, entry ID, kind (dead | copy | drop | delay), due ms, n,
--         n strings: the dead letter's fields and values, or the payload to put
--         back; `copy` takes the dead letter's data from the entry itself
-- Returns {settled, group exists (1 | 0), kept IDs, lost IDs, error}
--   kept  could not be written anywhere else and so stays pending
--   lost  a refusal or deferral of an entry that is another consumer's by now
--
-- The dead letter or delayed entry is written before the entry is
-- acknowledged: at maxmemory Redis checks a script's first write only, and
-- XACK passes while XADD fails. Running it again changes nothing.

local stream, dead, delayed, data, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, consumer, dead_max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local suspects = KEYS[6]
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

-- owner is the consumer that holds an entry; nil where it is not pending.
local function owner(id)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1)
  if pending['err'] then
    exists = 0
    return ''
  end
  return pending[1] and pending[1][2]
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

-- copy buries an entry that was never read.
local function copy(id, letter)
  local found = redis.call('XRANGE', stream, id, id)
  local fields = {}
  for i = 1, #found > 0 and #found[1][2] or 0, 2 do fields[found[1][2][i]] = found[1][2][i + 1] end
  for _, name in ipairs({'origin', 'traceparent'}) do
    if fields['data'] and fields[name] then
      letter[#letter + 1] = name
      letter[#letter + 1] = fields[name]
    end
  end
  letter[#letter + 1] = 'data'
  letter[#letter + 1] = fields['data'] or cjson.encode(fields)
  return bury(letter)
end

local function delay(id, due, payload)
  if failed(redis.pcall('HSET', data, id, payload)) then return false end
  if redis.call('ZADD', delayed, due, id) == 0 then
    -- Deferred before the group was made again, and now in place of that.
    redis.call('HINCRBY', ledger, 'returned', 1)
  end
  return true
end

-- place writes a guarded entry where it is to go from the stream.
local function place(kind, id, due, strings)
  if kind == 'dead' then return bury(strings) end
  if kind == 'copy' then return copy(id, strings) end
  if kind == 'delay' then return delay(id, due, strings[1]) end
  return true
end

local any_suspects = redis.call('EXISTS', suspects) == 1
local function clear(ids, first, last)
  if any_suspects then redis.call('HDEL', suspects, unpack(ids, first, last)) end
end

for _ = 1, tonumber(take()) do
  local outcome, id, kind, due = take(), take(), take(), take()
  local strings = take_list(tonumber(take()))
  local holder = owner(id)
  if not holder then
    -- Settled before: this is a repetition.
  elseif holder ~= consumer then
    lost[#lost + 1] = id
  elseif not place(kind, id, due, strings) then
    kept[#kept + 1] = id
  else
    redis.call('XACK', stream, group, id)
    redis.call('HINCRBY', ledger, outcome, 1)
    clear({id}, 1, 1)
    settled = settled + 1
  end
end

for _, set in ipairs(accepted) do
  local outcome, ids = set[1], set[2]
  local n = 0
  for first = 1, #ids, 1000 do
    local last = math.min(first + 999, #ids)
    n = n + redis.call('XACK', stream, group, unpack(ids, first, last))
    clear(ids, first, last)
  end
  if n > 0 then redis.call('HINCRBY', ledger, outcome, n) end
  if n < #ids then
    local reply = redis.pcall('XPENDING', stream, group)
    if type(reply) == 'table' and reply['err'] then exists = 0 end
  end
  settled = settled + n
end

return {settled, exists, kept, lost, failure}
