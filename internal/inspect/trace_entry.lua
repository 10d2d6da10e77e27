-- Reads all that Redis knows of one entry ID of a partition, in one step. It writes
-- nothing, and its cost does not depend on how many entries there are.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 delayed data  5 ledger
--       6 quarantined attempts  7 gone  8 returns
-- ARGV  1 group  2 entry ID
-- Returns {facts, fields of the entry, fields of the dead letter with this ID}: each
-- alternates names and values. Facts, absent where there is nothing to tell:
--   now, length     ms; entries on the stream
--   first, last     IDs on the stream
--   generated       the highest ID that the stream ever had
--   delivered       the last ID delivered to the group; absent without the group
--   waits           the least pending ID
--   owner, idle, deliveries   of the entry, if it is pending
--   due, payload    of the entry, if it is in the delayed set
--   attempts, gone, returned  what the notes about the entry say
--   watermark       of the ledger
--   moved           entries that were moved to a list, in all epochs
--   noletters       why the dead letters are none, if their key has another type

local stream, group, id = KEYS[1], ARGV[1], ARGV[2]
local facts = {}

local function fact(name, value)
  if value then
    facts[#facts + 1] = name
    facts[#facts + 1] = value
  end
end

local function named(list)
  local values = {}
  for i = 1, #list, 2 do values[list[i]] = list[i + 1] end
  return values
end

local function fields_of(key)
  local found = redis.call('XRANGE', key, id, id)
  return found[1] and found[1][2] or {}
end

local function look_at_group()
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local g = named(info)
    if g['name'] == group then
      fact('delivered', g['last-delivered-id'])
      if g['pending'] > 0 then fact('waits', redis.call('XPENDING', stream, group)[2]) end
      local held = redis.call('XPENDING', stream, group, id, id, 1)[1]
      if held then
        fact('owner', held[2])
        fact('idle', held[3])
        fact('deliveries', held[4])
      end
    end
  end
end

local clock = redis.call('TIME')
fact('now', string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)))
if redis.call('EXISTS', stream) == 1 then
  fact('length', redis.call('XLEN', stream))
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  fact('first', first and first[1])
  fact('last', last and last[1])
  local info = redis.pcall('XINFO', 'STREAM', stream)
  fact('generated', not info['err'] and named(info)['last-generated-id'] or last and last[1])
  look_at_group()
end
local due = redis.call('ZSCORE', KEYS[3], id)
if due then
  fact('due', due)
  fact('payload', redis.call('HGET', KEYS[4], id))
end
fact('attempts', redis.call('HGET', KEYS[6], id))
if redis.call('HEXISTS', KEYS[7], id) == 1 then fact('gone', 1) end
fact('returned', redis.call('HGET', KEYS[8], id))
local ledger = redis.call('HMGET', KEYS[5], 'watermark', 'epoch', 'moved')
fact('watermark', ledger[1])
local moved = tonumber(ledger[3] or 0) or 0
for epoch = 1, (tonumber(ledger[2] or 0) or 0) - 1 do
  moved = moved + (tonumber(redis.call('HGET', KEYS[5], 'epoch:' .. epoch .. ':moved') or 0) or 0)
end
fact('moved', string.format('%.0f', moved))
local letter = redis.pcall('XRANGE', KEYS[2], id, id)
if letter['err'] then
  if not string.find(letter['err'], 'WRONGTYPE', 1, true) then return letter end
  fact('noletters', letter['err'])
end
return {facts, fields_of(stream), letter[1] and letter[1][2] or {}}
