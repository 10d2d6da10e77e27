-- Creates the consumer group if it does not exist, and opens the ledger. Begins a
-- new epoch of the ledger if counted entries are delivered again.
-- Comes after need.lua and inspect.lua.
--
-- KEYS  1 stream  2 ledger  3 delayed set  4 dead letters
--       5 IDs that were dropped and counted as missing in this epoch  6 returns
-- ARGV  1 group; if the group was set back, or the stream went back:
--       2 the epoch that ends  3 entries minus outcomes in it: 0, or negative
--       4 'group' | 'stream'  5 the last entry that was certainly delivered
--       6… the fields that count entries which have ended
-- Returns {'other', name}     the ledger belongs to another service group
--         else {what, epoch, again, epoch_id, …}:
--         'there'             the group exists
--         'made', start, stream existed (1 | 0)
--                             the group was created; it reads after start
--         'rewound', kind, lost   the epoch is new
--         'unknown'           the group has been read, and there is no account of
--                             that, nor will there be
--   again     the last entry on the stream when the epoch began: entries up to it
--             may have been settled before; '' in the first epoch
--   epoch_id  unlike the epoch's number, unique even after a flush
--   lost      'ID ID': entries between these were lost when the stream went back; or ''
--
-- A group that vanished is created again from the watermark below which trimming
-- has deleted everything, or from the beginning if the stream is another one, which
-- may have lower IDs. The counts of the epoch that ends are kept under
-- `epoch:<n>:<field>`, since entries that were settled are delivered again.

local stream, ledger, delayed, dead, gone, returns = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local group = ARGV[1]

local owner = redis.call('HGET', ledger, 'group')
if owner and owner ~= group then return {'other', owner} end

-- info is a fact about the stream; nil without a stream, or if Redis does not tell.
local function info(name)
  local reply = redis.pcall('XINFO', 'STREAM', stream)
  return type(reply) == 'table' and named(reply)[name] or nil
end

local function added() return info('entries-added') end
local function count(name) return tonumber(redis.call('HGET', ledger, name) or 0) end

local function now()
  local time = redis.call('TIME')
  return time[1] .. string.format('%03d', math.floor(time[2] / 1000))
end

local function epoch_id() return count('epoch') .. '/' .. (redis.call('HGET', ledger, 'since') or '') end

local function last_entry()
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return last[1] and last[1][1] or ''
end

local function may_begin()
  need({'HSET', ledger, 'epoch', 1}, {'HDEL', ledger, 'epoch'}, {'HGETALL', ledger}, {'DEL', gone}, {'ZCARD', delayed}, {'XLEN', dead}, {'TIME'})
end

-- Fields that outlive an epoch.
local lasting = {group = true, epoch = true, since = true, watermark = true, again = true, legacy = true, returning = true, ['returning:next'] = true}

-- close keeps what was counted in the epoch that ends.
local function close(epoch, existed)
  local all = redis.call('HGETALL', ledger)
  local base = tonumber(redis.call('HGET', ledger, 'base') or nil)
  if existed and base and added() then
    redis.call('HSET', ledger, 'epoch:' .. epoch .. ':gone', added() - base - count('trimmed') - redis.call('XLEN', stream))
  end
  for i = 1, #all, 2 do
    local name = all[i]
    if not lasting[name] and not string.find(name, '^epoch:') then
      if epoch > 0 then redis.call('HSET', ledger, 'epoch:' .. epoch .. ':' .. name, all[i + 1]) end
      redis.call('HDEL', ledger, name)
    end
  end
  redis.call('DEL', gone)
end

-- begin opens an epoch. base is how many of the entries ever added do not belong
-- to it. Some of them may still be on the stream: they count as trimmed in
-- advance, with a negative count, just as waiting deferred records count as returned.
local function begin(epoch, base)
  local trimmed = base and base ~= '' and math.min(0, added() - base - redis.call('XLEN', stream)) or 0
  redis.call('HSET', ledger, 'group', group, 'epoch', epoch, 'since', now(), 'base', base or '', 'trimmed', trimmed,
    'returned', 0 - redis.call('ZCARD', delayed), 'dead', redis.call('XLEN', dead))
end

-- base_of_all returns the base of an epoch to which all entries on the stream belong.
local function base_of_all() return added() and added() - redis.call('XLEN', stream) or '' end

-- never_read says whether no entry was ever delivered to the group.
local function never_read(ours)
  if ours['last-delivered-id'] == '0-0' then return true end
  return ours['pending'] == 0 and ours['consumers'] == 0 and not ours['entries-read']
end

local function watermark() return redis.call('HGET', ledger, 'watermark') or '0-0' end

-- vanished says whether an entry is not on the stream although, as far as is known,
-- it was neither trimmed nor deleted.
local function vanished(id)
  local deleted = info('max-deleted-entry-id') or '0-0'
  return before(watermark(), id) and before(deleted, id) and #redis.call('XRANGE', stream, id, id) == 0
end

-- any_up_to says whether there is an entry up to an ID. If not, another client may have
-- trimmed the entry of that ID.
local function any_up_to(id) return #redis.call('XRANGE', stream, '-', id, 'COUNT', 1) > 0 end

-- remade says whether this is not the stream that was trimmed up to the watermark:
-- that one has no entry up to there, and the IDs of a stream only increase.
local function remade()
  local last = info('last-generated-id')
  if last and before(last, watermark()) then return true end
  return any_up_to(watermark())
end

-- lost returns the IDs between which entries were lost when the stream went back:
-- those added after the last one kept, up to the first one added since, or to now.
local function lost(known)
  local kept = redis.call('XREVRANGE', stream, known, '-', 'COUNT', 1)
  local from = kept[1] and kept[1][1] or watermark()
  local since = redis.call('XRANGE', stream, '(' .. from, '+', 'COUNT', 1)
  if since[1] then return from .. ' ' .. since[1][1] end
  local till = now() .. '-0'
  return from .. ' ' .. (before(till, known) and known or till)
end

-- rewind ends the epoch. The pending and undelivered entries belong to the next one,
-- however often they were settled.
local function rewind(epoch, base)
  local ends, kind, known, between = tonumber(ARGV[3]), ARGV[4], ARGV[5], ''
  if known ~= '' and (kind == 'stream' or ends == 0 and any_up_to(known)) and vanished(known) then
    kind, between = 'stream', lost(known)
  end
  for i = 6, #ARGV do base = base + count(ARGV[i]) end
  base = base + count('missing') + ends
  may_begin()
  close(epoch, true)
  begin(epoch + 1, base)
  redis.call('HSET', ledger, 'again', last_entry(), 'rewound', kind, 'lost', between)
  return {'rewound', epoch + 1, last_entry(), epoch_id(), kind, between}
end

local epoch = count('epoch')
need({'HSET', ledger, 'epoch', epoch}, {'HDEL', ledger, 'base'}, {'DEL', gone})

-- `legacy` is the last entry that the previous version may have put back. Its entries
-- are known by their fields alone. It is set when this version first opens a ledger.
if redis.call('HEXISTS', ledger, 'legacy') == 0 then
  local last = epoch > 0 and last_entry() or ''
  redis.call('HSET', ledger, 'legacy', last ~= '' and last or '0-0')
end

local ours = find_group(stream, group)
if ours and epoch == 0 then
  may_begin()
  close(0, true)
  if never_read(ours) then
    begin(1, base_of_all())
    return {'there', 1, '', epoch_id()}
  end
  begin(1, '')
  redis.call('HSET', ledger, 'unknown', 1, 'again', last_entry())
  return {'unknown', 1, last_entry(), epoch_id()}
end

if ours then
  local base = tonumber(redis.call('HGET', ledger, 'base') or nil)
  local rewound = base and tonumber(ARGV[2]) == epoch and rewind(epoch, base)
  return rewound or {'there', epoch, redis.call('HGET', ledger, 'again') or '', epoch_id()}
end

may_begin()
local existed = redis.call('EXISTS', stream)
local start = '0'
need({'XGROUP', 'CREATE', stream, group, start, 'MKSTREAM'}, {'DEL', returns})
if existed == 1 and not remade() then
  start = watermark()
else
  -- Notes about entries of the other stream do not apply to this one.
  redis.call('HDEL', ledger, 'watermark', 'returning', 'returning:next')
  redis.call('HSET', ledger, 'legacy', '0-0')
  redis.call('DEL', returns)
end
redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
close(epoch, existed == 1)
begin(epoch + 1, base_of_all())
local again = epoch > 0 and last_entry() or ''
if epoch > 0 then redis.call('HSET', ledger, 'again', again) end
return {'made', epoch + 1, again, epoch_id(), start, existed}
