-- Deletes settled entries that need not be kept, a bounded number a call, and
-- never one that a group has not finished with.
--
-- KEYS  1 stream  2 ledger  3 delayed set  4 dead letters
-- ARGV  1 our group  2 ms that settled entries are kept (-1: for ever)
--       3 entries kept at most (0: no cap)  4 at most about so many a call
-- Returns {deleted, oldest ID that our group has not finished, more to do (1 | 0), ms of the first
-- place that a deferred record waits for or has come back for, or -1, why Redis
-- takes no writes or '', room is short (1 | 0), idle (1 | 0), now in ms, the last ID
-- that our group was given if it lies ahead of the clock or '', dead letters, bytes that they take or
-- -1, maxmemory or 0}, or {0, '', 0, -1, '', 0, 0} where the stream or our group does not exist.
--   idle  our group has nothing pending and nothing to read, as far as Redis knows
--
-- Nothing is deleted at or after the least ID that is pending or undelivered in
-- any group; others' do not matter to the limiter, which asks for ours. Where Redis is at maxmemory, which
-- the first write of the script shows, or so near that a client with more to
-- write finds it there, all that is settled goes.
--
-- IDs are compared and counted up as text: their parts have 64 bits, of which
-- a number in Lua holds 53.

local stream, ledger, delayed = KEYS[1], KEYS[2], KEYS[3]
local group, retention, max, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local LAST_SEQ = '18446744073709551615'
local AHEAD = 1000 -- ms: clocks of two servers, one after the other, differ by less

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-?(%d*)$')
  return ms, seq ~= '' and seq or '0'
end

local function smaller(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function less(a, b)
  local ams, aseq = parse(a)
  local bms, bseq = parse(b)
  if ams ~= bms then return smaller(ams, bms) end
  return smaller(aseq, bseq)
end

local function least(a, b) return less(b, a) and b or a end

-- step counts a decimal number up or down by one: the last digit that is not
-- at its end changes, those behind it start over.
local function step(digits, up)
  local at_end, start = up and '9' or '0', up and '0' or '9'
  local head, tail = string.match(digits, '^(%d-)(' .. at_end .. '*)$')
  if head == '' then head = '0' end
  local changed = string.byte(head, -1) + (up and 1 or -1)
  local out = string.sub(head, 1, -2) .. string.char(changed) .. string.rep(start, #tail)
  return string.match(out, '^0*(%d+)$')
end

local function after(id)
  local ms, seq = parse(id)
  if seq == LAST_SEQ then return step(ms, true) .. '-0' end
  return ms .. '-' .. step(seq, true)
end

local function preceding(id)
  local ms, seq = parse(id)
  if seq ~= '0' then return ms .. '-' .. step(seq, false) end
  if ms == '0' then return '0-0' end
  return step(ms, false) .. '-' .. LAST_SEQ
end

-- of all groups, and of ours, nil without it; whether ours is idle, and the last ID
-- that it was given
local function oldest_unfinished()
  if redis.call('EXISTS', stream) == 0 then return nil end
  local ours, oldest, idle, last = nil, nil, 0, nil
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
    local id = after(info['last-delivered-id'])
    if info['pending'] > 0 then
      id = least(id, redis.call('XPENDING', stream, info['name'])[2])
    end
    oldest = oldest and least(oldest, id) or id
    if info['name'] == group then
      ours, last = id, info['last-delivered-id']
      if info['pending'] == 0 and info['lag'] == 0 then idle = 1 end
    end
  end
  return oldest, ours, idle, last
end

local oldest, ours, idle, last = oldest_unfinished()
if not ours then return {0, '', 0, -1, '', 0, 0} end

local probe = redis.pcall('HINCRBY', ledger, 'trimmed', 0)
local full = type(probe) == 'table' and probe['err'] or ''
if full ~= '' and not string.find(full, 'OOM', 1, true) then return redis.error_reply(full) end

-- A large command counts against maxmemory before it is run, so it is refused
-- while this script would not be: a margin of 2%, 1 MiB at least.
local most = 0
local function room_is_short()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return false end -- not for this role, or embedded
  local function number(name) return tonumber(string.match(info, '\n' .. name .. ':(%d+)') or 0) end
  most = number('maxmemory')
  if most == 0 then return false end
  local used = number('used_memory') - number('mem_not_counted_for_evict')
  return used > most - math.max(most / 50, 1048576)
end

local short = full ~= '' or room_is_short()

local deleted, more = 0, 0
local function delete_before(id)
  -- Whole nodes of the stream first, which is cheap and bounded. Once there are
  -- none, what is left below id lies within one node.
  local n = redis.call('XTRIM', stream, 'MINID', '~', id, 'LIMIT', limit)
  if n > 0 then more = 1 else n = redis.call('XTRIM', stream, 'MINID', id) end
  deleted = deleted + n
end

local function cut_down(excess)
  local n = redis.call('XTRIM', stream, 'MINID', '~', oldest, 'LIMIT', math.min(excess, limit))
  if n == 0 then
    -- The first node has more entries than are too many: they are small.
    local page = redis.call('XRANGE', stream, '-', oldest, 'COUNT', math.min(excess, 200))
    if #page == 0 then return end
    n = redis.call('XTRIM', stream, 'MINID', least(after(page[#page][1]), oldest))
  end
  if n > 0 and n < excess then more = 1 end
  deleted = deleted + n
end

-- IDs only rise: once one lies ahead of the clock, which was set back or is not
-- what somebody chose it by, all that come do. Such IDs don't tell an age: `ahead` in the
-- ledger does, with an ID up to which all is old enough, a later one, and when that was
-- the last. Settled entries stay for one to two times as long as they should.
local ahead = tonumber((parse(last))) > now + AHEAD
local function old_enough(noted)
  if not ahead or retention < 0 then
    if noted then redis.call('HDEL', ledger, 'ahead') end
    return '0-0'
  end
  local old, later, since = string.match(noted or '0-0 0-0 0', '^(%S+) (%S+) (%d+)$')
  since = tonumber(since)
  if now >= since and now - since < retention then return old end
  if now >= since then old = later end
  redis.pcall('HSET', ledger, 'ahead', old .. ' ' .. last .. string.format(' %.0f', now))
  return old
end

local noted = redis.call('HMGET', ledger, 'ahead', 'returning', 'returning:next')
local old = old_enough(noted[1])
if short then
  delete_before(oldest)
elseif retention >= 0 then
  local keep_from = string.format('%.0f', math.max(now - retention, 0))
  if less(keep_from, after(old)) then keep_from = after(old) end
  delete_before(least(keep_from, oldest))
end
local excess = max > 0 and redis.call('XLEN', stream) - max or 0
if excess > 0 then
  if deleted == 0 then cut_down(excess) else more = 1 end
end

if deleted > 0 then
  redis.call('HINCRBY', ledger, 'trimmed', deleted)
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
  local mark = #first > 0 and least(first[1][1], oldest) or oldest
  redis.call('HSET', ledger, 'watermark', preceding(mark))
end

-- What was put back is judged by the place that it waited for, which may be much
-- older than its new ID. The mover notes the least place and the last ID of what
-- it puts back, in `returning` until all that is finished, meanwhile of more in
-- `returning:next`.
local function first_returned()
  local first, more = noted[2], noted[3]
  if first and less(string.match(first, ' (.+)$'), ours) then
    first, more = more, false
    -- At maxmemory that fails, and the old note only keeps more than it must.
    if first then redis.pcall('HSET', ledger, 'returning', first) else redis.call('HDEL', ledger, 'returning') end
    redis.call('HDEL', ledger, 'returning:next')
    if first and less(string.match(first, ' (.+)$'), ours) then
      redis.call('HDEL', ledger, 'returning')
      first = false
    end
  end
  local place = first and tonumber(string.match(first, '^%d+'))
  return place and more and math.min(place, tonumber(string.match(more, '^%d+'))) or place
end

local waiting = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
local due, back = tonumber(waiting[2]), first_returned() or nil
if not due or (back and back < due) then due = back end

local letters, bytes = redis.call('XLEN', KEYS[4]), -1
if letters > 0 then
  local usage = redis.pcall('MEMORY', 'USAGE', KEYS[4])
  if type(usage) == 'number' then bytes = usage end -- not for every role
end
return {deleted, ours, more, due and math.floor(due) or -1, full, short and 1 or 0, idle,
  now, ahead and last or '', letters, bytes, most}
