-- Deletes settled entries that need not be kept, a bounded number a call, and
-- never one that a group has not finished with.
--
-- KEYS  1 stream  2 ledger  3 delayed set
-- ARGV  1 our group  2 oldest ID to keep by age ('' keeps all)
--       3 entries kept at most (0: no cap)  4 at most about so many a call
-- Returns {deleted, oldest ID that our group has not finished, more to do (1 | 0), ms of the first
-- place that a deferred record waits for or has come back for, or -1, why Redis
-- takes no writes or '', room is short (1 | 0), idle (1 | 0)}, or
-- {0, '', 0, -1, '', 0, 0} where the stream or our group does not exist.
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
local group, keep_from, max, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local LAST_SEQ = '18446744073709551615'

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

-- of all groups, and of ours, nil without it; and whether ours is idle
local function oldest_unfinished()
  if redis.call('EXISTS', stream) == 0 then return nil end
  local ours, oldest, idle = nil, nil, 0
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
    local id = after(info['last-delivered-id'])
    if info['pending'] > 0 then
      id = least(id, redis.call('XPENDING', stream, info['name'])[2])
    end
    oldest = oldest and least(oldest, id) or id
    if info['name'] == group then
      ours = id
      if info['pending'] == 0 and info['lag'] == 0 then idle = 1 end
    end
  end
  return oldest, ours, idle
end

local oldest, ours, idle = oldest_unfinished()
if not ours then return {0, '', 0, -1, '', 0, 0} end

local probe = redis.pcall('HINCRBY', ledger, 'trimmed', 0)
local full = type(probe) == 'table' and probe['err'] or ''
if full ~= '' and not string.find(full, 'OOM', 1, true) then return redis.error_reply(full) end

-- A large command counts against maxmemory before it is run, so it is refused
-- while this script would not be: a margin of 2%, 1 MiB at least.
local function room_is_short()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return false end -- not for this role, or embedded
  local function number(name) return tonumber(string.match(info, '\n' .. name .. ':(%d+)') or 0) end
  local most = number('maxmemory')
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

if short then
  delete_before(oldest)
elseif keep_from ~= '' then
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
  local noted = redis.call('HMGET', ledger, 'returning', 'returning:next')
  local first, more = noted[1], noted[2]
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
return {deleted, ours, more, due and math.floor(due) or -1, full, short and 1 or 0, idle}
