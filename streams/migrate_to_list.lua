-- Moves undelivered entries from the partitions of a stream to the tail of a list, in the
-- order given.
-- Comes after need.lua and inspect.lua and outcomes.lua.
--
-- KEYS  1 list  then for each partition: stream, ledger, delayed set, returns, notes of
--       outcomes
-- ARGV  1 group  2 consumer  then for each entry: the index of its partition, from 1;
--       its ID
-- Returns {moved, why nothing was moved}: '' | 'changed', since the entries are not the
-- next ones | 'pending' or 'deferred', since there are such ones | 'ledger', since none
-- is open
--
-- All entries are moved, or none. They are delivered to the group without becoming pending
-- and counted as moved, so the account holds: they stay on the stream as settled ones do.
-- Running it again after a lost reply finds other entries next.

local list, group, consumer = KEYS[1], ARGV[1], ARGV[2]

-- partition names the keys of one.
local function partition(index)
  local at = 2 + 5 * (index - 1)
  return {stream = KEYS[at], ledger = KEYS[at + 1], delayed = KEYS[at + 2], returns = KEYS[at + 3], outcomes = KEYS[at + 4],
    archived = redis.call('EXISTS', KEYS[at + 4]) == 1, ids = {}, bodies = {}}
end

-- body returns the only field `data` of an entry, or nil.
local function body(fields)
  local found
  for i = 1, #fields, 2 do
    if fields[i] == 'data' then
      if found then return nil end
      found = fields[i + 1]
    end
  end
  return found
end

-- fault says why a partition's entries can't be moved, or reads their bodies.
local function fault(p)
  local ours = find_group(p.stream, group)
  if not ours or redis.call('HEXISTS', p.ledger, 'epoch') == 0 then return 'ledger' end
  if ours['pending'] > 0 then return 'pending' end
  if redis.call('ZCARD', p.delayed) > 0 then return 'deferred' end
  local page = entries_after(p.stream, ours['last-delivered-id'], #p.ids)
  for i, id in ipairs(p.ids) do
    local found = page[i] and page[i][1] == id and body(page[i][2])
    if not found then return 'changed' end
    p.bodies[id] = found
  end
end

local all, order = {}, {}
for i = 3, #ARGV, 2 do
  local index = tonumber(ARGV[i])
  all[index] = all[index] or partition(index)
  table.insert(all[index].ids, ARGV[i + 1])
  order[#order + 1] = {all[index], ARGV[i + 1]}
end
if #order == 0 then return {0, ''} end

need({'RPUSH', list, ''})
for _, p in pairs(all) do
  need({'XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'NOACK', 'STREAMS', p.stream, '>'}, {'HINCRBY', p.ledger, 'moved', 1},
    {'HDEL', p.returns, '0-0'}, {'XGROUP', 'DELCONSUMER', p.stream, group, consumer})
  if p.archived then need({'XADD', p.outcomes, '*', 'moved', ''}) end
  redis.call('HEXISTS', p.returns, '0-0') -- fails if it is not a hash
  local why = fault(p)
  if why then return {0, why} end
end

local PAGE = 1000 -- Lua passes only some thousand arguments to a command
for from = 1, #order, PAGE do
  local bodies = {}
  for i = from, math.min(from + PAGE - 1, #order) do bodies[#bodies + 1] = order[i][1].bodies[order[i][2]] end
  redis.call('RPUSH', list, unpack(bodies)) -- at maxmemory the first one fails
end
for _, p in pairs(all) do
  redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', #p.ids, 'NOACK', 'STREAMS', p.stream, '>')
  redis.call('XGROUP', 'DELCONSUMER', p.stream, group, consumer) -- it holds nothing
  redis.call('HINCRBY', p.ledger, 'moved', #p.ids)
  if p.archived then note_outcome(p.outcomes, 'moved', p.ids) end
  for from = 1, #p.ids, PAGE do redis.call('HDEL', p.returns, unpack(p.ids, from, math.min(from + PAGE - 1, #p.ids))) end
end
return {#order, ''}
