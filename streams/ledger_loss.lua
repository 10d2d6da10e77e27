-- Detects whether every entry that was added still has its place in the account,
-- and counts those without one as missing.
-- Comes after inspect.lua.
--
-- KEYS  1 stream  2 ledger
-- ARGV  1 group; from the previous call, '' or 0 if there was none:
--       2 epoch_id  3 added  4 delivered  5 ended
--       6 the last entry that this worker has read, 7 1 if it may be lost
--       8… the fields that count entries which have ended
-- Returns names and values; only the first two if the group does not exist:
--   epoch      number of the ledger's epoch; 0 if it has not been opened
--   epoch_id   unlike that number, unique even after a flush
--   again      entries up to this ID may have been settled in an earlier epoch
--   added      entries ever added; -1 if Redis does not tell
--   delivered, first, last   the last ID delivered; the first entry on the stream
--              or ''; the last ID ever added
--   ended      entries delivered in this epoch: pending, settled or missing
--   lag        unread entries; -1 if unknown
--   newest, brought    bytes of the newest entry; of the bodies that this call read
--   missing    counted by this call: deleted unread, skipped, or dropped while pending
--   how        'skipped': the group was set forward over them, or created behind
--              them; 'deleted' from the stream; 'dropped' from the pending list, or
--              the cause is unknown
--   rewound    why counted entries are delivered again: the 'group' was set back, the
--              'stream' went back with it; or ''
--
-- Every entry added in this epoch is settled, pending, missing or unread: only
-- another client can change one of these without another. If the sum is too
-- small, entries are missing; if it is too large, entries are counted twice or will
-- be. Unread entries are not counted one by one, since Redis would read each with
-- its body: they are the whole stream if it begins after the last delivered
-- entry, and none if nothing follows that one. Otherwise a later call tells.

local stream, ledger = KEYS[1], KEYS[2]
local group = ARGV[1]
local previous = {epoch_id = ARGV[2], doubt = ARGV[7] == '1', added = tonumber(ARGV[3]), delivered = ARGV[4], ended = tonumber(ARGV[5]), last = ARGV[6]}
local found = {}

local function tell(name, value)
  found[#found + 1] = name
  found[#found + 1] = value
end

local function size(entry)
  local bytes = 0
  for _, s in ipairs(entry and entry[2] or {}) do bytes = bytes + #s end
  return bytes
end

-- release drops entries that are pending and yet to be delivered, because the group
-- was set back over them: they are delivered again and must not be counted twice.
-- Deleted ones are not: they stay pending until they are settled or counted as missing.
local function release(delivered)
  local n, from = 0, delivered
  while from ~= LAST_ID do
    local page = redis.call('XPENDING', stream, group, '(' .. from, '+', 1000)
    if #page == 0 then break end
    for _, pending in ipairs(page) do
      from = pending[1]
      if #redis.call('XRANGE', stream, from, from) > 0 then n = n + redis.call('XACK', stream, group, from) end
    end
  end
  return n
end

local our = find_group(stream, group)
local epoch, since, base, again, watermark, trimmed, missing = unpack(redis.call('HMGET', ledger,
  'epoch', 'since', 'base', 'again', 'watermark', 'trimmed', 'missing'))
local epoch_id = (epoch or 0) .. '/' .. (since or '')
tell('epoch', tonumber(epoch or 0))
tell('epoch_id', epoch_id)
if not our then return found end
local info = named(redis.call('XINFO', 'STREAM', stream))
local delivered, pending, length = our['last-delivered-id'], our['pending'], info['length']
local first = info['first-entry'] and info['first-entry'][1] or ''
local added = info['entries-added']
base, trimmed, missing = tonumber(base), tonumber(trimmed or 0), tonumber(missing or 0)
tell('again', again or '')
tell('added', added or -1)
tell('delivered', delivered)
tell('first', first)
tell('last', info['last-generated-id'] or '')
tell('newest', size(info['last-entry']))
tell('brought', size(info['last-entry']) + size(info['first-entry']))

local undelivered
if first == '' then
  undelivered = 0
elseif before(delivered, first) then
  undelivered = length
elseif not before(delivered, info['last-entry'][1]) then
  undelivered = 0
end
tell('lag', undelivered or our['lag'] or -1)
if not added or not base then return found end

-- vanished says whether an entry is gone although neither trimming nor a deletion
-- has reached it.
local function vanished(id)
  return before(watermark or '0-0', id) and before(info['max-deleted-entry-id'] or '0-0', id) and first ~= '' and before(first, id) and #redis.call('XRANGE', stream, id, id) == 0
end

-- stream_went_back says whether the stream itself lost entries, as after a failover
-- to a replica that lagged behind.
local function stream_went_back()
  if added < previous.added then return true end
  if previous.last == '' then return false end
  return before(info['last-generated-id'], previous.last) or previous.doubt and vanished(previous.last)
end

-- how says why entries are missing, given how many may have been deleted.
local function how(rest, deleted, ended)
  if epoch_id == previous.epoch_id and ended == previous.ended and before(previous.delivered, delivered) then return 'skipped' end
  if deleted >= rest then return 'deleted' end
  return epoch_id ~= previous.epoch_id and ended == 0 and 'skipped' or 'dropped'
end

local rewound = ''
if epoch_id == previous.epoch_id then
  if stream_went_back() then
    rewound = 'stream'
  elseif previous.delivered ~= '' and before(delivered, previous.delivered) then
    rewound = 'group'
  end
end
if pending > 0 then
  local released = release(delivered)
  if released > 0 and rewound == '' then rewound = 'group' end
  pending = pending - released
end

local ended = pending + missing
for _, n in ipairs(redis.call('HMGET', ledger, unpack(ARGV, 8))) do ended = ended + tonumber(n or 0) end
local rest = undelivered and added - base - ended - undelivered or 0
if rest < 0 and rewound == '' then rewound = 'group' end
tell('rewound', rewound)
if rest > 0 and rewound == '' then
  redis.call('HINCRBY', ledger, 'missing', rest)
  tell('missing', rest)
  tell('how', how(rest, added - base - trimmed - length - missing, ended))
  ended = ended + rest
end
tell('ended', ended)
return found
