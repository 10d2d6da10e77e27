-- Takes over entries whose lease has run out: the IDs only, since the bodies
-- may be large, and raises their delivery counts before any work on them.
--
-- KEYS  1 stream  2 ledger  3 suspects
-- ARGV  1 group  2 consumer  3 least idle ms  4 cursor  5 at most so many
--       6 deliveries above which an entry is suspected of killing its worker
-- Returns {next cursor ('0-0' at the end), {id, deliveries, tries, …}, missing}
--   tries    lone attempts that killed a worker, of a suspect; else -1
--   missing  IDs that were pending and no longer exist; they are counted
--
-- An empty page with a cursor is not the end: XAUTOCLAIM looks at ten times
-- the count and may find nothing idle among them.
--
-- XAUTOCLAIM drops what no longer exists from the pending list at once (Redis
-- 7), also what a living worker holds and may still insert. So where strangers
-- have deleted pending entries, those with a lapsed lease are sought otherwise.

local stream, ledger, suspects = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, idle, cursor, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local allowed = tonumber(ARGV[6])

local function before(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  if ams == bms then ams, bms = aseq, bseq end
  if #ams ~= #bms then return #ams < #bms end
  return ams < bms
end

local oldest = redis.call('XPENDING', stream, group)[2]
if not oldest then return {'0-0', {}, {}} end
local info = {}
local raw = redis.call('XINFO', 'STREAM', stream)
for i = 1, #raw, 2 do info[raw[i]] = raw[i + 1] end

local function some_may_be_gone()
  local deleted = info['max-deleted-entry-id']
  if not deleted then return false end -- before Redis 7 none is dropped
  local first = info['first-entry']
  return not first or before(oldest, first[1]) or not before(deleted, oldest)
end

local function lapsed()
  local ids, missing = {}, {}
  local page = redis.call('XPENDING', stream, group, 'IDLE', idle, cursor, '+', count)
  for _, pending in ipairs(page) do
    local id = pending[1]
    if #redis.call('XRANGE', stream, id, id) > 0 then
      ids[#ids + 1] = id
    else
      redis.call('XACK', stream, group, id)
      missing[#missing + 1] = id
    end
  end
  return {#page < tonumber(count) and '0-0' or '(' .. page[#page][1], ids, missing}
end

local reply
if some_may_be_gone() then
  reply = lapsed()
else
  reply = redis.call('XAUTOCLAIM', stream, group, consumer, idle, cursor, 'COUNT', count, 'JUSTID')
end
local missing = reply[3] or {}
if #missing > 0 then
  redis.call('HINCRBY', ledger, 'missing', #missing)
  for _, id in ipairs(missing) do redis.call('HDEL', suspects, id) end
end

-- JUSTID leaves the delivery count alone, but in the embedded Redis, which tells
-- of no radix tree, raises it.
local raise = info['radix-tree-keys'] and 1 or 0
local claimed = {}
for _, id in ipairs(reply[2]) do
  local pending = redis.call('XPENDING', stream, group, id, id, 1)
  if #pending > 0 then
    local deliveries = pending[1][4] + raise
    redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
    local tries = -1
    if deliveries > allowed then tries = tonumber(redis.call('HGET', suspects, id) or 0) end
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = deliveries
    claimed[#claimed + 1] = tries
  end
end
return {reply[1], claimed, missing}
