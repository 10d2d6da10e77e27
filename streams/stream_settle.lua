-- Settles a batch: acknowledges and counts, once, what is still pending.
-- Comes after need.lua and inspect.lua and refused.lua and outcomes.lua.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 delayed data  5 ledger
--       6 quarantined attempts  7 gone  8 returns  9 the customers most refused
--       10 notes of outcomes
-- ARGV  1 group  2 consumer  3 maximum number of dead letters (0: no limit)
--       4 number of accepted sets, then for each: outcome, n, n entry IDs
--       then the number of guarded entries, and for each:
--         outcome, entry ID, kind (dead | copy | drop | delay), due in ms, the
--         customer that hit its limit or '', n, n strings: the dead letter's fields
--         and values, or the payload to put back; `copy` takes the dead letter's data
--         from the entry itself
-- Returns {settled, group exists (1 | 0), kept IDs, lost IDs, error}
--   kept  could not be written elsewhere and stay pending
--   lost  refused or deferred entries that another consumer holds
--
-- The dead letter or delayed record is written before its entry is acknowledged:
-- at maxmemory Redis checks only the first write of a script, so XACK succeeds
-- where XADD fails. Each field of the ledger is incremented once, at the end,
-- after a write has succeeded. Running the script again changes nothing.
--
-- An entry that was dropped from the pending list because it no longer exists
-- (drop.lua) is held by nobody else: it is settled, and no longer missing.
--
-- The customers most refused are counted last, since that may fail.

local stream, dead, delayed, data, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, consumer, dead_max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local attempt_counts, gone, returns, outcomes = KEYS[6], KEYS[7], KEYS[8], KEYS[10]
local settled, exists, kept, lost, failure = 0, 1, {}, {}, ''
local counts = {} -- by field of the ledger
local at = 4

local any_gone = redis.call('EXISTS', gone) == 1

-- Hashes with notes about entries, which are kept until the entries are settled.
local notes = {}
for _, key in ipairs({attempt_counts, returns}) do
  if redis.call('EXISTS', key) == 1 then notes[#notes + 1] = key end
end

local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

-- take_list passes over n arguments and returns the positions of the first and the
-- last one: copying hundreds would cost as much as settling them.
local function take_list(n)
  at = at + n
  return at - n, at - 1
end

local function count(field, n)
  counts[field] = (counts[field] or 0) + n
end

local function failed(reply)
  if type(reply) == 'table' and reply['err'] then
    failure = reply['err']
    return true
  end
  return false
end

-- owner is the consumer that holds an entry; nil if it is already settled.
local function owner(id, kind)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1)
  if pending['err'] then
    exists = 0
    return ''
  end
  if pending[1] then return pending[1][2] end
  -- An entry that was never read leaves nothing to write.
  if any_gone and kind ~= 'copy' and redis.call('HEXISTS', gone, id) == 1 then return consumer end
end

local function add_dead_letter(fields, first, last)
  if failed(redis.pcall('XADD', dead, '*', unpack(fields, first, last))) then return false end
  count('dead', 1)
  return true
end

-- copy adds the dead letter of an entry that was never read. If the entry does not
-- have exactly one body, its fields are kept as netstrings, byte for byte, and as
-- JSON for people.
local function copy(id, first, last)
  local letter = {unpack(ARGV, first, last)}
  local function with(name, value)
    letter[#letter + 1] = name
    letter[#letter + 1] = value
  end
  local found = redis.call('XRANGE', stream, id, id)
  local list = found[1] and found[1][2] or {}
  local back = redis.call('HGET', returns, id)
  local n = #list
  if back and list[n - 1] == 'ingestion:origin' then n = n - 2 end -- the service added it
  local fields, bodies, exact, shown = {}, 0, {}, {}
  for i = 1, n, 2 do
    local name, value = list[i], list[i + 1]
    fields[name] = value
    if name == 'data' then bodies = bodies + 1 end
    exact[#exact + 1] = #name .. ':' .. name .. ',' .. #value .. ':' .. value .. ','
    shown[#shown + 1] = cjson.encode(name) .. ':' .. cjson.encode(value)
  end
  if bodies == 1 then
    with('data', fields['data'])
  else
    with('data', '{' .. table.concat(shown, ',') .. '}')
    with('fields', table.concat(exact))
  end
  if back then with('origin', string.match(back, '^%S+')) end
  for _, name in ipairs({'traceparent', 'tracestate', 'source'}) do
    if fields[name] then with(name, fields[name]) end
  end
  return add_dead_letter(letter, 1, #letter)
end

local function delay(id, due, payload)
  need({'ZADD', delayed, due, id})
  if failed(redis.pcall('HSET', data, id, payload)) then return false end
  local added = redis.pcall('ZADD', delayed, due, id)
  if failed(added) then return false end
  if added == 0 then
    -- It was deferred before the group was created again, and this replaces that.
    count('returned', 1)
  end
  return true
end

-- place writes a guarded entry to its destination.
local function place(kind, id, due, first, last)
  if kind == 'dead' then return add_dead_letter(ARGV, first, last) end
  if kind == 'copy' then return copy(id, first, last) end
  if kind == 'delay' then return delay(id, due, ARGV[first]) end
  return true
end

-- delivered is the last ID delivered to the group, or the least ID without a
-- group; nil without a stream, of which no entry is delivered again.
local function delivered()
  local ours = find_group(stream, group)
  if ours then return ours['last-delivered-id'] end
  return redis.call('EXISTS', stream) == 1 and '0-0' or nil
end

-- forget removes the notes about entries, except those that will be delivered
-- again because the group was set back over them, or created again, while a
-- worker held them.
local last
local function forget(ids, first, to)
  last = last or delivered()
  local ended = {}
  for i = first, to do
    if not last or not before(last, ids[i]) then ended[#ended + 1] = ids[i] end
  end
  if #ended == 0 then return end
  for _, key in ipairs(notes) do redis.call('HDEL', key, unpack(ended)) end
end

-- acknowledge counts those of the IDs that were still pending and returns their number.
local function acknowledge(outcome, ids, first, last)
  local start = settled
  local function add(n)
    if n == 0 then return end
    count(outcome, n)
    settled = settled + n
  end
  for from = first, last, 1000 do
    local to = math.min(from + 999, last)
    local n = redis.call('XACK', stream, group, unpack(ids, from, to))
    add(n)
    if any_gone and n < to - from + 1 then
      local found = redis.call('HDEL', gone, unpack(ids, from, to))
      add(found)
      count('missing', -found)
    end
    if #notes > 0 then forget(ids, from, to) end
  end
  return settled - start
end

-- lift_limit makes room for notes at maxmemory, where Redis checks only the first write of a
-- script: they are small, and what is not settled can't be deleted.
local function lift_limit() redis.call('XACK', stream, group, '0-0') end

-- place_noted notes the outcome of a guarded entry before it writes the entry to its
-- destination.
local archived
local function place_noted(outcome, kind, id, due, first, last)
  local note, err
  if archived then
    note, err = note_outcome(outcomes, outcome, {id})
    if not note then return not failed(err) end
  end
  local ok, placed = pcall(place, kind, id, due, first, last)
  if note and not (ok and placed) then redis.call('XDEL', outcomes, note) end
  if not ok then error(placed, 0) end
  return placed
end

-- note_accepted notes the outcome of those of the entries that are still to be settled,
-- and returns whether they may be.
local function note_accepted(outcome, first, last)
  local ids = {}
  for i = first, last do
    if owner(ARGV[i]) then ids[#ids + 1] = ARGV[i] end
  end
  if #ids == 0 or exists == 0 then return true end
  lift_limit()
  local note, err = note_outcome(outcomes, outcome, ids)
  if note then return true end
  failed(err)
  for _, id in ipairs(ids) do table.insert(kept, id) end
  return false
end

local function settle_accepted(sets)
  for _, set in ipairs(sets) do
    local outcome, first, last = unpack(set)
    local noted = not archived or outcome == 'ingested' or note_accepted(outcome, first, last)
    if noted and acknowledge(outcome, ARGV, first, last) < last - first + 1 then
      local reply = redis.pcall('XPENDING', stream, group)
      if type(reply) == 'table' and reply['err'] then exists = 0 end
    end
  end
end

-- settle_guarded adds the IDs that may be acknowledged to `placed`, by outcome, and the
-- customers among them that hit their limit to `refusals`.
local function settle_guarded(placed, refusals)
  local seen, dropped = {}, {}
  local function settle_one(outcome, id, kind, due, customer, first, last)
    local holder = not seen[id] and owner(id, kind)
    if not holder then
      -- Already settled: the call is a repetition.
    elseif holder ~= consumer then
      lost[#lost + 1] = id
    elseif not place_noted(outcome, kind, id, due, first, last) then
      kept[#kept + 1] = id
    else
      seen[id] = true
      placed[outcome] = placed[outcome] or {}
      table.insert(placed[outcome], id)
      if customer ~= '' then refusals[customer] = (refusals[customer] or 0) + 1 end
    end
  end
  for _ = 1, tonumber(take()) do
    local outcome, id, kind, due, customer = take(), take(), take(), take(), take()
    local first, last = take_list(tonumber(take()))
    if archived and kind == 'drop' then
      dropped[#dropped + 1] = {outcome, id, kind, due, customer, first, last}
    else
      settle_one(outcome, id, kind, due, customer, first, last)
    end
  end
  if #dropped > 0 then lift_limit() end
  for _, one in ipairs(dropped) do settle_one(unpack(one)) end
end

local function purge()
  local purged = redis.call('XTRIM', dead, 'MAXLEN', dead_max)
  if purged > 0 then count('purged', purged) end
end

-- try continues after a failed step, so that what was done is counted.
local problem
local function try(step, ...)
  local ok, what = pcall(step, ...)
  if not ok then problem = problem or what end
end

local sets, placed, refusals = {}, {}, {}
local to_note = false
for i = 1, tonumber(take()) do
  local outcome = take()
  sets[i] = {outcome, take_list(tonumber(take()))}
  to_note = to_note or outcome ~= 'ingested'
end
to_note = to_note or ARGV[at] ~= '0'
archived = to_note and redis.call('EXISTS', outcomes) == 1

need({'XACK', stream, group, '0-0'}, {'XPENDING', stream, group}, {'HINCRBY', ledger, 'ingested', 1})
if #notes > 0 then need({'XINFO', 'GROUPS', stream}) end
for _, key in ipairs(notes) do need({'HDEL', key, '0-0'}) end
if any_gone then need({'HDEL', gone, '0-0'}) end
if archived then need({'XADD', outcomes, '*', 'ingested', ''}, {'XDEL', outcomes, '0-0'}) end
if dead_max > 0 and ARGV[at] ~= '0' then need({'XTRIM', dead, 'MAXLEN', dead_max}) end
redis.call('HGET', ledger, 'group') -- fails if it is not a hash: nothing is acknowledged that can't be counted
try(settle_guarded, placed, refusals)
for outcome, ids in pairs(placed) do try(acknowledge, outcome, ids, 1, #ids) end
if not problem then try(settle_accepted, sets) end
if counts['dead'] and dead_max > 0 then try(purge) end
for field, n in pairs(counts) do try(redis.call, 'HINCRBY', ledger, field, n) end
if next(refusals) and not problem then pcall(note_refused, KEYS[9], refusals, redis.call('TIME')[1] * 1000) end

if problem then return type(problem) == 'table' and problem or redis.error_reply(tostring(problem)) end
return {settled, exists, kept, lost, failure}
