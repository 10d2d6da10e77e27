-- Deletes settled entries that need not be kept, a bounded number a call, and
-- never one that a group has not finished with.
--
-- KEYS  1 stream  2 ledger  3 delayed set
-- ARGV  1 our group  2 oldest ID to keep by age ('' keeps all)
--       3 entries kept at most (0: no cap)  4 at most about so many a call
-- Returns {deleted, oldest unfinished ID, more to do (1 | 0), ms of the first
-- place that a deferred record waits for or has come back for, or -1}, or
-- {0, '', 0, -1} where the stream or our group does not exist.
--
-- The oldest unfinished ID is the least that is pending or undelivered in any
-- group; nothing at or after it is deleted.

local stream, ledger, delayed = KEYS[1], KEYS[2], KEYS[3]
local group, keep_from, max, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- How many entries are looked at to cut the stream down: each comes with its
-- body.
local PAGE = 200
local LAST_SEQ = '18446744073709551615'

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-?(%d*)$')
  return tonumber(ms), tonumber(seq) or 0
end

local function less(a, b)
  local ams, aseq = parse(a)
  local bms, bseq = parse(b)
  return ams < bms or (ams == bms and aseq < bseq)
end

local function after(id)
  local ms, seq = parse(id)
  if string.match(id, '%d+$') == LAST_SEQ then return string.format('%.0f-0', ms + 1) end
  return string.format('%.0f-%.0f', ms, seq + 1)
end

local function least(a, b) return less(b, a) and b or a end

local function oldest_unfinished()
  if redis.call('EXISTS', stream) == 0 then return nil end
  local ours, oldest = false, nil
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
    ours = ours or info['name'] == group
    local id = after(info['last-delivered-id'])
    if info['pending'] > 0 then
      id = least(id, redis.call('XPENDING', stream, info['name'])[2])
    end
    oldest = oldest and least(oldest, id) or id
  end
  return ours and oldest or nil
end

local oldest = oldest_unfinished()
if not oldest then return {0, '', 0, -1} end

local deleted = 0
local function delete_before(id)
  deleted = deleted + redis.call('XTRIM', stream, 'MINID', '~', id, 'LIMIT', limit)
  if deleted < limit then
    -- What is left below id lies within one node of the stream.
    deleted = deleted + redis.call('XTRIM', stream, 'MINID', id)
  end
end

if keep_from ~= '' then delete_before(least(keep_from, oldest)) end
local excess = max > 0 and redis.call('XLEN', stream) - max or 0
if excess > 0 and deleted < limit then
  local page = redis.call('XRANGE', stream, '-', oldest, 'COUNT', math.min(excess, PAGE))
  if #page > 0 then
    local last = after(page[#page][1])
    delete_before(least(last, oldest))
  end
end

if deleted > 0 then
  redis.call('HINCRBY', ledger, 'trimmed', deleted)
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
  local mark = #first > 0 and least(first[1][1], oldest) or oldest
  local ms, seq = parse(mark)
  if seq > 0 then
    mark = string.format('%.0f-%.0f', ms, seq - 1)
  else
    mark = string.format('%.0f-%s', ms - 1, LAST_SEQ)
  end
  redis.call('HSET', ledger, 'watermark', mark)
end
local more = (deleted >= limit or (excess > PAGE and deleted > 0)) and 1 or 0

-- What was put back is judged by the place that it waited for, which may be much
-- older than its new ID. The mover notes the least place and the last ID of what
-- it puts back, in `returning` until all that is finished, meanwhile of more in
-- `returning:next`.
local function first_returned()
  local noted = redis.call('HMGET', ledger, 'returning', 'returning:next')
  local first, more = noted[1], noted[2]
  if first and less(string.match(first, ' (.+)$'), oldest) then
    first, more = more, false
    -- At maxmemory that fails, and the old note only keeps more than it must.
    if first then redis.pcall('HSET', ledger, 'returning', first) else redis.call('HDEL', ledger, 'returning') end
    redis.call('HDEL', ledger, 'returning:next')
    if first and less(string.match(first, ' (.+)$'), oldest) then
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
return {deleted, oldest, more, due and math.floor(due) or -1}
