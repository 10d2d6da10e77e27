-- Finds out how many entries strangers have taken off the stream before any
-- worker read them, and counts these as missing.
--
-- KEYS  1 stream  2 ledger
-- ARGV  1 group  2 entries gone as last seen  3… the outcomes' names
-- Returns {gone, counted now, last delivered ID, first ID or '', lag or -1,
-- bytes of the newest entry, bytes of the bodies that came with the call}
--   gone  taken by strangers, read or not; what was last seen while it can't be
--         told yet how many of them were unread
--   lag   entries not read yet; -1 where Redis does not know
--
-- What came since the group was made is settled, pending, missing or still to
-- be read; what is left over was taken unread. Entries still to be read are not
-- counted one by one, each would come with its body: they are all of the stream
-- where it begins behind the last one delivered, as after foreign trimming, and
-- none where nothing follows that one. Otherwise a later call tells.

local stream, ledger = KEYS[1], KEYS[2]
local group, seen = ARGV[1], tonumber(ARGV[2])

local function fields(list)
  local named = {}
  for i = 1, #list, 2 do named[list[i]] = list[i + 1] end
  return named
end

local function before(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  if ams == bms then ams, bms = aseq, bseq end
  if #ams ~= #bms then return #ams < #bms end
  return ams < bms
end

local function ours()
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    g = fields(g)
    if g['name'] == group then return g end
  end
end

local function size(entry)
  local bytes = 0
  for _, s in ipairs(entry and entry[2] or {}) do bytes = bytes + #s end
  return bytes
end

local function count(name) return tonumber(redis.call('HGET', ledger, name) or 0) end

local our = ours()
if not our then return {seen, 0, '', '', -1, 0, 0} end
local info = fields(redis.call('XINFO', 'STREAM', stream))
local last = our['last-delivered-id']
local first = info['first-entry'] and info['first-entry'][1] or ''
local lag = our['lag'] or -1
local newest = size(info['last-entry'])
local brought = newest + size(info['first-entry'])
local base = tonumber(redis.call('HGET', ledger, 'base'))
if not info['entries-added'] or not base then return {seen, 0, last, first, lag, newest, brought} end

local undelivered
if first == '' then
  undelivered = 0
elseif before(last, first) then
  undelivered = info['length']
elseif not before(last, info['last-entry'][1]) then
  undelivered = 0
end
if undelivered then lag = undelivered end

local added = info['entries-added'] - base
local gone = added - count('trimmed') - info['length']
if gone <= seen or not undelivered then return {math.min(gone, seen), 0, last, first, lag, newest, brought} end

local missing = count('missing')
local unread = added - our['pending'] - undelivered - missing
for i = 3, #ARGV do unread = unread - count(ARGV[i]) end
unread = math.max(0, math.min(unread, gone - missing))
if unread > 0 then redis.call('HINCRBY', ledger, 'missing', unread) end
return {gone, unread, last, first, lag, newest, brought}
