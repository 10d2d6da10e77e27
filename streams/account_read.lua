-- Reads the facts behind the account of one partition, in one step.
-- Comes after inspect.lua.
--
-- KEYS  1 stream  2 dead letters  3 delayed set  4 ledger
-- ARGV  1 group  2 maximum number of entries to read  3 bytes to read, about
--       4 and 5, to continue a count: the ID after which it continues, the last ID
-- Returns {facts, ledger}, both alternating names and values. Facts:
--   stream       1 if it exists
--   added        entries ever added; absent before Redis 7.0
--   length, dead, delayed, pending
--   first, last  IDs of the first and the last entry; '' if there is none
--   waits        ID of the oldest pending entry, if there is one
--   delivered    the last ID delivered to the group; absent without the group
--   undelivered  entries after it, if they could be counted within the limits,
--   counted, up_to   otherwise how many there are up to that ID
--
-- Redis can't count the entries of a range without reading them, so the work of
-- one call is limited. It tries both the entries before and those after the last
-- delivered one: together they are all, so the smaller part is enough.

local stream, dead, delayed, ledger = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, max_entries, max_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local after, to = ARGV[4], ARGV[5]
local PAGE_BYTES = 256 * 1024
local facts = {}

local function fact(name, value)
  facts[#facts + 1] = name
  facts[#facts + 1] = value
end

local function size(entries)
  local bytes = 0
  for _, e in ipairs(entries) do
    for _, s in ipairs(e[2] or {}) do bytes = bytes + #s end
  end
  return bytes
end

-- count counts entries between two IDs, the first one not included, up or down. It
-- returns the count, and the last ID read if a limit ended it.
local function count(command, from, till)
  local n, bytes, page = 0, 0, 1
  while true do
    if command == 'XRANGE' and from == '(' .. LAST_ID then return n, nil end
    local entries = redis.call(command, stream, from, till, 'COUNT', page)
    n = n + #entries
    if #entries < page then return n, nil end
    local last, got = entries[#entries][1], size(entries)
    bytes = bytes + got
    if n >= max_entries or bytes >= max_bytes then return n, last end
    local fits = math.max(1, math.floor(#entries * PAGE_BYTES / math.max(got, 1)))
    page = math.min(page * 4, 1000, fits)
    from = '(' .. last
  end
end

local function count_undelivered(length, delivered)
  local n, up_to = count('XRANGE', '(' .. delivered, '+')
  if not up_to then return fact('undelivered', n) end
  local kept, stopped = count('XREVRANGE', delivered, '-')
  if not stopped then return fact('undelivered', length - kept) end
  fact('counted', n)
  fact('up_to', up_to)
end

local there = redis.call('EXISTS', stream)
local length = redis.call('XLEN', stream)
fact('stream', there)
fact('length', length)
fact('dead', redis.call('XLEN', dead))
fact('delayed', redis.call('ZCARD', delayed))
local added = there == 1 and named(redis.pcall('XINFO', 'STREAM', stream))['entries-added']
if added then fact('added', added) end
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
fact('first', first[1] and first[1][1] or '')
fact('last', last[1] and last[1][1] or '')

local ours = find_group(stream, group)
if ours then
  fact('pending', ours['pending'])
  if ours['pending'] > 0 then fact('waits', redis.call('XPENDING', stream, group)[2]) end
  fact('delivered', ours['last-delivered-id'])
end
if after then
  local n, up_to = count('XRANGE', '(' .. after, to)
  fact('counted', n)
  fact('up_to', up_to or '')
elseif ours then
  count_undelivered(length, ours['last-delivered-id'])
end
return {facts, redis.call('HGETALL', ledger)}
