-- Begins stream_settle.lua: counts the customers that hit their limit, in constant memory.
--
-- It is the space-saving sketch of Metwally, Agrawal and El Abbadi, fed by the batch: a
-- hash of at most REFUSED_MOST customers with `<count> <error>`, and, in the field '',
-- which is no customer, the hour in which the counts were last halved. A customer that
-- is not in it takes over the least count as its error. So, of N refusals:
--   a customer's number is at most its count, and at least its count less its error;
--   an error is at most N / REFUSED_MOST, and so is the number of an absent customer.
-- Counts, errors and N are halved every hour, which preserves that.

local REFUSED_MOST = 100
local REFUSED_MAX = 2 ^ 53 -- exact up to there
local REFUSED_TTL = 48 * 3600 * 1000 -- ms: by then a count is 2^-48 of what it was

local function halved(hours) return 0.5 ^ math.max(0, hours) end

-- read_refused returns what is kept, at an hour: by customer, and as a list.
local function read_refused(key, hour)
  local found, kept, list = redis.call('HGETALL', key), {}, {}
  local at = hour
  for i = 1, #found, 2 do
    if found[i] == '' then at = tonumber(found[i + 1]) or hour end
  end
  if at > hour + 1 then at = hour end -- the clock was set back
  local share = halved(hour - at)
  for i = 1, #found, 2 do
    local count, err = string.match(found[i + 1], '^(%S+) (%S+)$')
    count, err = tonumber(count or ''), tonumber(err or '')
    if found[i] ~= '' and count and err and 0 <= err and err <= count and count < REFUSED_MAX then -- else another client's
      local c = {id = found[i], count = count * share, err = err * share, there = true, changed = share < 1}
      kept[c.id], list[#list + 1] = c, c
    end
  end
  return kept, list, math.max(at, hour)
end

local function more_refused(a, b)
  if a.count ~= b.count then return a.count > b.count end
  return a.there and not b.there
end

-- add_refused adds refusals, numbers by customer, to the sketch. It returns the fields to
-- set and those to delete.
local function add_refused(key, refusals, hour)
  local kept, list, at = read_refused(key, hour)
  local least = 0
  if #list >= REFUSED_MOST then
    least = math.huge
    for _, c in ipairs(list) do least = math.min(least, c.count) end
  end
  for id, n in pairs(refusals) do
    local c = kept[id]
    if c then
      c.count, c.changed = c.count + n, true
    else
      list[#list + 1] = {id = id, count = least + n, err = least, changed = true}
    end
  end
  if #list > REFUSED_MOST then table.sort(list, more_refused) end
  local set, delete = {'', string.format('%.0f', at)}, {}
  for i, c in ipairs(list) do
    if i > REFUSED_MOST then
      if c.there then delete[#delete + 1] = c.id end
    elseif c.changed then
      set[#set + 1] = c.id
      set[#set + 1] = string.format('%.17g %.17g', c.count, c.err)
    end
  end
  return set, delete
end

-- note_refused writes it. Room is made first, so the hash never grows beyond its bound.
local function note_refused(key, refusals, now)
  if next(refusals) == nil then return end
  local set, delete = add_refused(key, refusals, math.floor(now / 3600000))
  if #delete > 0 then redis.call('HDEL', key, unpack(delete)) end
  redis.call('HSET', key, unpack(set))
  redis.pcall('PEXPIRE', key, string.format('%.0f', REFUSED_TTL))
end

