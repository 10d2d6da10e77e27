-- Deletes settled entries that need not be kept, a limited number per call, and
-- never one that any group has not finished. It also reports on the partition.
-- Comes after inspect.lua and history.lua.
--
-- KEYS  1 stream  2 ledger  3 delayed set  4 dead letters  5 returns
--       6 history by minute  7 history by hour  8 lease of the archiver
-- ARGV  1 group  2 retention of settled entries in ms (-1: for ever)
--       3 maximum number of entries (0: no limit)  4 deletions per call, about
--       5 the archive's group  6… the ledger's fields that the history shows
-- Returns names and values; without the stream or the group only `due`.
--   deleted, more   entries deleted; 1 if there are more to delete
--   oldest       the least ID that the group has not finished
--   due          ms of the least slot that a deferred record waits for, or has been
--                put back for and is unfinished; -1 if there is none
--   full         why Redis refuses writes, or ''
--   short        1 if memory is short
--   idle         1 if the group has nothing pending and, as far as Redis knows,
--                nothing to read
--   now          ms
--   ahead        the last ID delivered to the group if it is ahead of the clock, or ''
--   unarchived   the last ID of the archive's group if entries after it were delivered and
--                no archiver has the lease, or ''
--   letters, letter_bytes, maxmemory   dead letters; their size or -1 if unknown; 0
--                without a limit
--
-- Nothing is deleted from the least ID on that is pending or undelivered in any
-- group. If Redis is at maxmemory, as the first write of the script shows, or so
-- close to it that larger writes are refused, all settled entries are deleted, and
-- nothing is added to the history.
--
-- IDs are compared and incremented as text: see inspect.lua.

local stream, ledger, delayed, dead, returns = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, retention, max, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local LAST_SEQ = '18446744073709551615'
local AHEAD = 1000 -- ms by which the clocks of two servers may differ after a failover

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function least(a, b) return before(b, a) and b or a end

-- step adds 1 to a decimal number, or subtracts 1: the last digit that does not
-- overflow changes, and those after it wrap around.
local function step(digits, up)
  local at_end, start = up and '9' or '0', up and '0' or '9'
  local head, tail = string.match(digits, '^(%d-)(' .. at_end .. '*)$')
  if head == '' then head = '0' end
  local changed = string.byte(head, -1) + (up and 1 or -1)
  local out = string.sub(head, 1, -2) .. string.char(changed) .. string.rep(start, #tail)
  return string.match(out, '^0*(%d+)$')
end

-- after is the next ID, or the last possible one, which so is never trimmed.
local function after(id)
  if id == LAST_ID then return id end
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

-- unfinished is the least ID that a group has not finished.
local function unfinished(group)
  local id = after(group['last-delivered-id'])
  if group['pending'] == 0 then return id end
  return least(id, redis.call('XPENDING', stream, group['name'])[2])
end

local our, ours, oldest -- our group; the least unfinished ID in it, and in any group
local archive
for _, g in ipairs(groups(stream)) do
  local id = unfinished(g)
  oldest = oldest and least(oldest, id) or id
  if g['name'] == group then our, ours = g, id end
  if g['name'] == ARGV[5] then archive = g end
end
if not our then return {'due', -1} end
local last = our['last-delivered-id']
local unarchived = archive and archive['last-delivered-id'] or ''
if archive and (not before(unarchived, last) or redis.call('EXISTS', KEYS[8]) == 1) then unarchived = '' end

local probe = redis.pcall('HINCRBY', ledger, 'trimmed', 0)
local full = type(probe) == 'table' and probe['err'] or ''
if full ~= '' and not string.find(full, 'OOM', 1, true) then return redis.error_reply(full) end

-- memory_is_short allows for a margin of 2%, at least 1 MiB: a large command counts
-- against maxmemory before it runs, so it is refused before this script would be.
local maxmemory = 0
local function memory_is_short()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return false end -- not for this role, or embedded
  local function number(name) return tonumber(string.match(info, '\n' .. name .. ':(%d+)') or 0) end
  maxmemory = number('maxmemory')
  if maxmemory == 0 then return false end
  local used = number('used_memory') - number('mem_not_counted_for_evict')
  return used > maxmemory - math.max(maxmemory / 50, 1048576)
end

local short = full ~= '' or memory_is_short()

local deleted, more = 0, 0
local function delete_before(id)
  -- First whole nodes of the stream, which is cheap and limited. If there are none,
  -- the rest below id is within one node.
  local n = redis.call('XTRIM', stream, 'MINID', '~', id, 'LIMIT', limit)
  if n > 0 then more = 1 else n = redis.call('XTRIM', stream, 'MINID', id) end
  deleted = deleted + n
end

local function cut_down(excess)
  local n = redis.call('XTRIM', stream, 'MINID', '~', oldest, 'LIMIT', math.min(excess, limit))
  if n == 0 then
    -- The first node has more entries than are to be deleted: they are small.
    local page = redis.call('XRANGE', stream, '-', oldest, 'COUNT', math.min(excess, 200))
    if #page == 0 then return end
    n = redis.call('XTRIM', stream, 'MINID', least(after(page[#page][1]), oldest))
  end
  if n > 0 and n < excess then more = 1 end
  deleted = deleted + n
end

-- IDs only increase: once one is ahead of the clock, because the clock was set back or
-- a producer chose the ID, all later ones are. Such IDs do not tell their age, so
-- `ahead` in the ledger does: an ID up to which entries are old enough, a later ID,
-- and when that was the last one. Settled entries stay for up to twice the retention.
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
  if before(keep_from, after(old)) then keep_from = after(old) end
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

-- first_returned is the least slot of records that were put back and are unfinished.
-- The limiter judges them by their slot, which may be much older than their new ID.
-- upkeep_move.lua notes the least slot and the last ID of what it puts back in
-- `returning` until that is finished, and meanwhile of later records in `returning:next`.
local function first_returned()
  local first, more = noted[2], noted[3]
  if first and before(string.match(first, ' (.+)$'), ours) then
    first, more = more, false
    -- At maxmemory this fails, and the old note only keeps more than necessary.
    if first then redis.pcall('HSET', ledger, 'returning', first) else redis.call('HDEL', ledger, 'returning') end
    redis.call('HDEL', ledger, 'returning:next')
    if first and before(string.match(first, ' (.+)$'), ours) then
      redis.call('HDEL', ledger, 'returning')
      first = false
    end
  end
  local slot = first and tonumber(string.match(first, '^%d+'))
  return slot and more and math.min(slot, tonumber(string.match(more, '^%d+'))) or slot
end

local waiting = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
local due, back = tonumber(waiting[2]), first_returned() or nil
if not due or (back and back < due) then due = back end

-- forget_deleted removes a note about an entry that was put back and then deleted by
-- another client before it was read: nothing else removes it. Such an entry is neither
-- pending nor on the stream. Each call looks at one note, since XRANGE copies the body
-- of an entry that exists; of those still to be delivered it looks at none.
local function forget_deleted()
  local id = redis.call('HRANDFIELD', returns)
  local passed = not before(last, id) or redis.call('XLEN', stream) == 0
  if passed and #redis.call('XPENDING', stream, group, id, id, 1) == 0 and #redis.call('XRANGE', stream, id, id) == 0 then
    redis.call('HDEL', returns, id)
  end
end
local may_sample = not redis.acl_check_cmd or redis.acl_check_cmd('HRANDFIELD', returns) -- roles of earlier versions lack it
if may_sample and redis.call('EXISTS', returns) == 1 then pcall(forget_deleted) end -- it may wait

local letters, letter_bytes = redis.call('XLEN', dead), 0
if letters > 0 then
  local usage = redis.pcall('MEMORY', 'USAGE', dead)
  letter_bytes = type(usage) == 'number' and usage or -1 -- not every role may ask
end

if not short then
  -- The history never keeps entries from being trimmed.
  pcall(roll_up, stream, ledger, KEYS[6], KEYS[7], our, {unpack(ARGV, 6)}, {delayed = redis.call('ZCARD', delayed), dead = letters}, now)
end

return {'deleted', deleted, 'more', more, 'oldest', ours, 'due', due and math.floor(due) or -1,
  'full', full, 'short', short and 1 or 0, 'idle', our['pending'] == 0 and our['lag'] == 0 and 1 or 0,
  'now', now, 'ahead', ahead and last or '', 'unarchived', unarchived,
  'letters', letters, 'letter_bytes', letter_bytes, 'maxmemory', maxmemory}
