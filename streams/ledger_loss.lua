-- Finds out whether every entry that was added still has its place in the
-- account, and counts those as missing that have none.
--
-- KEYS  1 stream  2 ledger
-- ARGV  what the last census found, '' or 0 where there was none:
--       1 group  2 era  3 added  4 delivered  5 ended
--       6 the last entry that this worker has read, 7 1 if it may have been lost
--       8… the outcomes' names
-- Returns names and values; only the first two where the group does not exist:
--   epoch, era of the ledger; 0 where it has not been opened
--   again      up to this ID entries may have been settled in an earlier epoch
--   added      entries ever added; -1 where Redis does not tell
--   delivered, first, last   the last ID delivered; the first entry there is or
--              ''; the last ID ever added
--   ended      entries delivered in this epoch: pending, settled or missing
--   lag        entries not read yet; -1 where that is not known
--   newest, brought    bytes of the newest entry; of the bodies that came with the call
--   missing    counted now: deleted unread, skipped, or dropped while pending
--   how        'skipped': the group was set forward over them, or begun behind
--              them; 'deleted' from the stream; 'dropped' from the pending list,
--              or it can't be told
--   rewound    why entries come again that were counted: 'group' was set back,
--              'stream' went back with it; or ''
--
-- What came in this epoch is settled, pending, missing or still to be read:
-- nothing moves one of these without another but a stranger. Fewer are missing,
-- more are counted twice or will be. Entries still to be read are not counted
-- one by one, each would come with its body: they are all of the stream where it
-- begins behind the last one delivered, and none where nothing follows that one.
-- Otherwise a later call tells.

local stream, ledger = KEYS[1], KEYS[2]
local group = ARGV[1]
local saw = {era = ARGV[2], doubt = ARGV[7] == '1', added = tonumber(ARGV[3]), delivered = ARGV[4], ended = tonumber(ARGV[5]), last = ARGV[6]}
local found = {}

local function tell(name, value)
  found[#found + 1] = name
  found[#found + 1] = value
end

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

-- release gives up what is pending and yet to be delivered: the group was set
-- back over it. It comes again, and must not be counted for both. What has been
-- deleted does not: it stays pending until it is settled or found to be missing.
local function release(delivered)
  local n, from = 0, delivered
  repeat
    local page = redis.call('XPENDING', stream, group, '(' .. from, '+', 1000)
    for _, pending in ipairs(page) do
      from = pending[1]
      if #redis.call('XRANGE', stream, from, from) > 0 then n = n + redis.call('XACK', stream, group, from) end
    end
  until #page == 0
  return n
end

local our = ours()
local epoch, since, base, again, watermark, trimmed, missing = unpack(redis.call('HMGET', ledger,
  'epoch', 'since', 'base', 'again', 'watermark', 'trimmed', 'missing'))
local era = (epoch or 0) .. '/' .. (since or '')
tell('epoch', tonumber(epoch or 0))
tell('era', era)
if not our then return found end
local info = fields(redis.call('XINFO', 'STREAM', stream))
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

-- vanished says that an entry is gone though nobody deleted all up to there, nor
-- any as late as that one.
local function vanished(id)
  return before(watermark or '0-0', id) and before(info['max-deleted-entry-id'] or '0-0', id) and first ~= '' and before(first, id) and #redis.call('XRANGE', stream, id, id) == 0
end

-- The stream itself has turned back, as after a failover to a replica that
-- lagged behind.
local function stream_went_back()
  if added < saw.added then return true end
  if saw.last == '' then return false end
  return before(info['last-generated-id'], saw.last) or saw.doubt and vanished(saw.last)
end

-- how entries went missing, of which so many may have been deleted.
local function how(rest, deleted, ended)
  if era == saw.era and ended == saw.ended and before(saw.delivered, delivered) then return 'skipped' end
  if deleted >= rest then return 'deleted' end
  return era ~= saw.era and ended == 0 and 'skipped' or 'dropped'
end

local rewound = ''
if era == saw.era then
  if stream_went_back() then
    rewound = 'stream'
  elseif saw.delivered ~= '' and before(delivered, saw.delivered) then
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
