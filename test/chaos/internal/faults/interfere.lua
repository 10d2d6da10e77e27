-- Interferes with a stream as another client may, and returns the entries that
-- this affects, in one step.
--
-- KEYS  1 stream
-- ARGV  1 group  2 action (deleted | unread | trimmed | forward | back | consumer)
--       3 maximum number of entries  4 part of the consumer's name
-- Returns {{ID, state, fields}…}; state is the one before: pending, unread or settled

local stream, group, action, most, name = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local function field(list, wanted)
  for i = 1, #list, 2 do
    if list[i] == wanted then return list[i + 1] end
  end
end

local last
for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  if field(g, 'name') == group then last = field(g, 'last-delivered-id') end
end
if not last then return {} end

local taken = {}
local function take(entry, state)
  if state == nil then
    local is_pending = #redis.call('XPENDING', stream, group, entry[1], entry[1], 1) > 0
    state = is_pending and 'pending' or 'settled'
  end
  taken[#taken + 1] = {entry[1], state, entry[2]}
end

local function take_pending(pending)
  for _, p in ipairs(pending) do
    local found = redis.call('XRANGE', stream, p[1], p[1])
    if #found > 0 then take(found[1], 'pending') end
  end
end

local function take_unread()
  for _, e in ipairs(redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', most)) do take(e, 'unread') end
end

local function delete()
  for _, t in ipairs(taken) do redis.call('XDEL', stream, t[1]) end
end

if action == 'deleted' then
  take_pending(redis.call('XPENDING', stream, group, '-', '+', most))
  delete()
elseif action == 'unread' then
  take_unread()
  delete()
elseif action == 'trimmed' then
  local unread = {}
  for _, e in ipairs(redis.call('XRANGE', stream, '(' .. last, '+')) do unread[e[1]] = true end
  for _, e in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', most)) do take(e, unread[e[1]] and 'unread' or nil) end
  redis.call('XTRIM', stream, 'MAXLEN', '=', redis.call('XLEN', stream) - #taken)
elseif action == 'forward' then
  take_unread()
  if #taken > 0 then redis.call('XGROUP', 'SETID', stream, group, taken[#taken][1]) end
elseif action == 'back' then
  local entries = redis.call('XREVRANGE', stream, last, '-', 'COUNT', most + 1)
  for i = 1, #entries - 1 do take(entries[i]) end
  if #taken > 0 then redis.call('XGROUP', 'SETID', stream, group, entries[#entries][1]) end
elseif action == 'consumer' then
  local victim, holds = nil, -1
  for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local n = field(c, 'pending')
    if string.find(field(c, 'name'), name, 1, true) and n > holds then victim, holds = field(c, 'name'), n end
  end
  if victim then
    if holds > 0 then take_pending(redis.call('XPENDING', stream, group, '-', '+', holds, victim)) end
    redis.call('XGROUP', 'DELCONSUMER', stream, group, victim)
  end
end
return taken
