-- Reads the state of one partition in one step, at a cost that does not depend on how
-- many entries there are. It writes nothing.
-- Comes after inspect.lua.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 ledger  5 delayed data  6 returns
--       7 lease of the archiver
-- ARGV  1 group  2 elements of a key that are measured to estimate its size
--       3 the archive's group
-- Returns {facts, ledger, consumers}; the first two alternate names and values. Facts:
--   those of account_read.lua; `undelivered` only if it needs no count
--   lag        what Redis says is undelivered; absent if it does not say
--   next       ID of the oldest undelivered entry, or ''; absent without the group
--   due        deferred records that are due
--   now        ms
--   bytes      size of the keys, estimated; absent if it is unknown
--   archived   the last ID of the archive's group; this and the following are absent
--              without that group
--   archive_next   ID of the first entry after it, or ''
--   archive_lag    entries after it; absent if unknown
--   archive_served 1 if an archiver has the lease, else 0
-- Consumers are a list of {name, pending, idle in ms}.

local stream, dead, delayed, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, samples = ARGV[1], ARGV[2]
local facts, consumers = {}, {}

local function fact(name, value)
  facts[#facts + 1] = name
  facts[#facts + 1] = value
end

-- bytes is the size of all keys. Not every role may ask, and embedded servers can't tell.
local function bytes()
  local sum = 0
  for _, key in ipairs(KEYS) do
    local size = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
    if type(size) == 'number' then sum = sum + size elseif size then return end
  end
  return sum
end

-- look_at_group tells what is pending and undelivered. No entry is undelivered if the
-- last one was delivered, and all are if the first one was not.
local function look_at_group(ours, length, first, last)
  local delivered = ours['last-delivered-id']
  fact('delivered', delivered)
  fact('pending', ours['pending'])
  if ours['pending'] > 0 then fact('waits', redis.call('XPENDING', stream, group)[2]) end
  if type(ours['lag']) == 'number' then fact('lag', ours['lag']) end
  if first == '' or not before(delivered, last) then
    fact('undelivered', 0)
    fact('next', '')
  elseif before(delivered, first) then
    fact('undelivered', length)
    fact('next', first)
  else
    fact('next', entries_after(stream, delivered, 1)[1][1])
  end
  for i, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local c = named(consumer)
    consumers[i] = {c['name'], c['pending'], c['idle'] or -1}
  end
end

-- look_at_archive tells what is not archived. What Redis says of it counts only where it
-- can be true: entries that another client has trimmed are in it.
local function look_at_archive(group, length, first, last)
  local archived = group['last-delivered-id']
  fact('archived', archived)
  fact('archive_served', redis.call('EXISTS', KEYS[7]))
  if first == '' or not before(archived, last) then
    fact('archive_next', '')
    fact('archive_lag', 0)
  elseif before(archived, first) then
    fact('archive_next', first)
    fact('archive_lag', length)
  else
    fact('archive_next', entries_after(stream, archived, 1)[1][1])
    local lag = group['lag']
    if type(lag) == 'number' and lag > 0 and lag <= length then fact('archive_lag', lag) end
  end
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
fact('now', now)
fact('dead', redis.call('XLEN', dead))
fact('delayed', redis.call('ZCARD', delayed))
fact('due', redis.call('ZCOUNT', delayed, '-inf', string.format('%.0f', now)))
local there = redis.call('EXISTS', stream)
local length = redis.call('XLEN', stream)
fact('stream', there)
fact('length', length)
local first, last = '', ''
if length > 0 then
  first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1]
  last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1]
end
local added = there == 1 and named(redis.pcall('XINFO', 'STREAM', stream))['entries-added']
if added then fact('added', added) end
fact('first', first)
fact('last', last)
local ours = find_group(stream, group)
if ours then look_at_group(ours, length, first, last) end
local archive = find_group(stream, ARGV[3])
if archive then look_at_archive(archive, length, first, last) end
local size = bytes()
if size then fact('bytes', size) end
return {facts, redis.call('HGETALL', ledger), consumers}
