-- The window of one customer: its places, and the commands that read and write
-- them. Read judge.lua first, which comes after this file and search.lua.
--
-- A place is the admission time of one record, in ms. The places of a customer
-- are one ZSET: member = the record's ID, score = the place.

local call, pcall = redis.call, redis.pcall
local floor, max, min = math.floor, math.max, math.min
local KEYS, ARGV = KEYS, ARGV

local MAX_AHEAD = 3600    -- windows that a place may lie ahead (MaxWindowsAhead in Go)
local MAX_PRUNE = 2000    -- places removed at once
local SPARE = 4           -- places beyond the limit at which pruning begins

local work = 0            -- commands and members so far, about a microsecond each

-- The customer:
local key, L, W           -- its ZSET, limit and window (ms)
local lowest              -- '-L', the rank of the lowest of the L latest places
local delay               -- how far ahead of its arrival a record may have its place, ms
local size                -- number of places
local first, last         -- the lowest of the L latest places, and a time that none of
                          -- them lies after; nil: not known
-- The record:
local t, score            -- its arrival in ms; the same as an argument of ZADD

-- Formats whole numbers. That takes as long as a short command, and records of a
-- batch often have the same time.
local function formatter(pattern)
  local number, text
  return function(n)
    if n ~= number then number, text = n, string.format(pattern, n) end
    return text
  end
end
local above, ms = formatter('(%.0f'), formatter('%.0f')

local function count(from, to)
  work = work + 1
  return call('ZCOUNT', key, from, to)
end

local function place(rank)
  work = work + 1
  return tonumber(call('ZRANGE', key, rank, rank, 'WITHSCORES')[2])
end

-- whether fewer than L places share a window with t or lie after it
local function roomy()
  if size < L then return true end
  if first then return t - first >= W end
  return count(above(t - W), '+inf') < L
end

-- Adds a place at t for an ID that has none. Returns false if it has one.
local function add(id)
  work = work + 1
  if call('ZADD', key, 'NX', score, id) == 0 then return false end
  size, first, last = size + 1, nil, nil
  return true
end

-- One ID may have several places, each at least a window from the next. The
-- highest has the ID as its member, so that it is the last to be pruned; each of
-- the others has a name made of the ID, the window's length and its number.
local function name(id, number)
  return id .. '@' .. W .. ':' .. number
end

-- Gives an ID whose highest place is `top`, or nil, a further place.
local function addFurther(id, top, at)
  work = work + 1
  if not top then
    call('ZADD', key, at, id)
  elseif top < at then
    call('ZADD', key, top, name(id, floor(top / W)), at, id)
  else
    call('ZADD', key, at, name(id, floor(at / W)))
  end
  size, first, last = size + 1, nil, nil
end

-- whether a record with that place that comes again at t keeps it
local function near(at)
  return t - at < W and at - t < W + delay
end

-- Returns the place that a record keeps when it comes again at t, if there is
-- one, and whether looking for it takes more than is left of the budget. `top` is
-- the highest place of the ID.
local function known(id, top, left)
  if near(top) then return top end
  if top < t then return nil end
  local from, to = floor(t / W) - 1, floor((t + delay) / W) + 1
  if to - from > left then return nil, true end
  local names = {}
  for number = from, to do names[number - from + 1] = name(id, number) end
  work = work + 1 + #names
  for _, text in ipairs(call('ZMSCORE', key, unpack(names))) do
    local at = tonumber(text)    -- nil of false, where there is none
    if at and near(at) then return at end
  end
  return nil
end

-- Extends the life of the key so that it covers all windows of its places. It
-- gets half a window more than it needs, so that few records have to renew it.
local function keep(fresh, highest, now, lateness)
  local life = max(now, highest) - now + lateness + W
  work = work + 1
  if fresh or call('PTTL', key) < life then
    work = work + 1
    call('PEXPIRE', key, ms(life + floor(min(W, lateness) / 2)))
  end
end

-- Removes places up to a time, a bounded number of them.
local function prune(upTo)
  if upTo <= 0 then return end
  work = work + 1
  if size <= MAX_PRUNE then
    work = work + call('ZREMRANGEBYSCORE', key, '-inf', upTo)
    return
  end
  local dead = min(count('-inf', upTo), MAX_PRUNE)
  if dead > 0 then work = work + call('ZREMRANGEBYRANK', key, 0, dead - 1) end
end
