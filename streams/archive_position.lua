-- Creates the archive's group at the beginning of the stream if it does not exist, and
-- tells where it stands.
-- Comes after inspect.lua.
--
-- KEYS  1 stream
-- ARGV  1 group
-- Returns names and values:
--   archived       the group's last ID
--   first, last    the first entry on the stream or ''; the last ID ever added, or ''
--   length         entries on the stream
--   added          entries ever added; absent before Redis 7.0

local stream, group = KEYS[1], ARGV[1]

local ours = find_group(stream, group)
if not ours then
  redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  ours = {['last-delivered-id'] = '0-0'}
end
local info = named(redis.call('XINFO', 'STREAM', stream))
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)
local found = {'archived', ours['last-delivered-id'], 'first', first[1] and first[1][1] or '',
  'last', info['last-generated-id'] or '', 'length', info['length']}
if info['entries-added'] then
  found[#found + 1] = 'added'
  found[#found + 1] = info['entries-added']
end
return found
