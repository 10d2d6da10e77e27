-- Judges a batch of records of one partition by their customers' sliding windows.
-- Comes after window.lua and search.lua.
--
-- Rule: no half-open window [x, x+W) holds more than L places of a customer.
-- Records may come in any order of time, so windows on both sides count.
--
-- The ordinary record has room: fewer than L of its customer's places share a
-- window with it or lie after it. It costs two arguments, 14 digits, three or four
-- commands (ZCARD, ZRANGE if there are L places, ZADD, PTTL), and nothing in the
-- reply. Its way is judgeAll, judge, roomy, add and keep.
--
-- KEYS  hashed = 1: the limits hash {K}:limits, then {K}:limit:<customer>, one
--                   ZSET a customer
--       hashed = 0: the ZSET of the only customer
-- ARGV  1 limit       L where the customer has none of its own
--       2 window      W, ms, likewise
--       3 lateness    ms that a key outlives its last use and its last window
--       4 delay       ms a place may lie ahead of its record, but no more than
--                     3600 windows; -1: never reserve
--       5 budget      work after which the script stops; the caller goes on
--       6 floor       ms, the oldest arrival still unfinished; 0: unknown. May be
--                     ahead of this server's clock, as arrivals may
--       7 hashed      1: own limits are looked up in KEYS[1]; 0: it is given
--       8 own         hashed = 0: the customer's own limit, '' for none; else ''
--       9 counts      numbers of records of the first customers, 4 digits each;
--                     the customers after them have one record each
--      10 arrivals    those of the records, in ms, 14 digits each, in the order of
--                     KEYS and within a customer in the order of judging; 0, or
--                     later than this server's clock: that clock
--      11 search      what an earlier call returned as search; '' if nothing
--       then the IDs of the records, in the same order
-- Returns { now, answered, own, search, others }
--   now       ms, this server's clock
--   answered  number of records that are answered, from the first on; fewer than
--             all if the budget ran out
--   own       flat pairs: index of a customer, its own limit as written
--   search    argument 11 of a call that continues with the first record that is
--             not answered; '' if there is nothing to tell
--   others    flat pairs: ten times the index of a record (from 1) plus its
--             decision, time. An answered record that is not listed is admitted,
--             and its place is its arrival, but no later than now
--     1 admitted   time = its place
--     2 refused    time = the earliest that has room, 0 if none ever has
--     3 reserved   time = its place, which lies ahead
--     4 the customer's key is no ZSET
-- An error reply may leave earlier records of the batch admitted: the same call
-- again finds them by their IDs and answers the same.

local ADMITTED, REFUSED, RESERVED, NO_ZSET = 1, 2, 3, 4
local CLOCK = '00000000000000'
local IDS = 11            -- the arguments before the IDs

local defaultLimit, defaultWindow = tonumber(ARGV[1]), tonumber(ARGV[2])
local lateness, longest = tonumber(ARGV[3]), max(tonumber(ARGV[4]), 0)
local reserving = tonumber(ARGV[4]) >= 0
local budget, oldest, hashed = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local counts, arrivals, search = ARGV[9], ARGV[10], ARGV[11]

local clock = call('TIME')
local now = clock[1] * 1000 + floor(clock[2] / 1000)
local nowText = string.format('%.0f', now)

local answered = 0        -- records
local stopped = false     -- the budget is used up
local own, others = {}, {}

-- Reads the arrival of a record, which often is that of the one before. IDs of a
-- stream only rise: after one ahead of the clock, all that come are.
local digits
local function arrive(record)
  local given = string.sub(arrivals, 14 * record - 13, 14 * record)
  if given == digits then return end
  digits, t, score = given, tonumber(given), given
  if given == CLOCK or t > now then t, score = now, nowText end
end

local function answer(decision, time)
  answered = answered + 1
  if decision == ADMITTED and time == t then return end
  others[#others + 1] = 10 * answered + decision
  others[#others + 1] = time
end

-- Judges the record that has arrived at t. Returns its decision and time; nil if
-- the budget is used up.
local function judge(id)
  local room = roomy()
  if room and add(id) then return ADMITTED, t end
  work = work + 1
  local top = tonumber(call('ZSCORE', key, id))
  if top then
    local at, later = known(id, top, answered > 0 and budget - work or math.huge)
    if later then return nil end
    if at then return reserving and at > t and RESERVED or ADMITTED, at end
  end
  local at = room and t or earliest(budget)
  if not at then return nil end
  if at - t > delay then return REFUSED, at end
  addFurther(id, top, at)
  return reserving and at > t and RESERVED or ADMITTED, at
end

-- Answers the customer's records up to `upTo` without a look at its places.
local function answerAll(upTo, decision)
  while answered < upTo do
    arrive(answered + 1)
    answer(decision, decision == ADMITTED and t or 0)
  end
end

-- the time up to which no later arrival meets a place, not even if the clock is
-- set back by a window; 0 if there is none
local function deadline()
  local from = oldest > 0 and oldest or digits == CLOCK and now or 0
  local widest = max(W, defaultWindow)
  return min(from - widest, now - 2 * widest)
end

-- Judges the customer's records up to `upTo` by its places, as far as the budget
-- goes.
local function judgeAll(upTo)
  work = work + 1
  size, first, last = pcall('ZCARD', key), nil, nil
  if type(size) == 'table' then
    if string.find(size.err, 'WRONGTYPE', 1, true) then return answerAll(upTo, NO_ZSET) end
    error(size)
  end
  local fresh, highest = size == 0, 0
  fullFrom, fullTo, passed = nil, nil, 0
  if answered == 0 and search ~= '' then recall(search) end
  while answered < upTo do
    local decision, time
    if answered == 0 or work < budget then
      arrive(answered + 1)
      decision, time = judge(ARGV[IDS + answered + 1])
    end
    if not decision then
      stopped = true
      break
    end
    if decision ~= REFUSED and time > highest then highest = time end
    answer(decision, time)
  end
  if highest == 0 then return end
  keep(fresh, highest, now, lateness)
  if size - L > SPARE then prune(deadline()) end
end

-- own limit as written -> limit, window (ms); nil if it is none (ParseLimit in Go)
local function parse(text)
  local l, s = string.match(text, '^([1-9]%d*)/([1-9]%d*)$')
  if not l or #l > 7 or #s > 7 then return nil end
  l, s = tonumber(l), tonumber(s)
  if l > 1000000 or s > 2678400 then return nil end
  return l, s * 1000
end

-- Sets the limit of customer c from its text. Returns the decision on all of its
-- records if the limit leaves no choice.
local function setOwn(c, text)
  own[#own + 1], own[#own + 2] = c, string.sub(text, 1, 64)
  if text == 'off' then return ADMITTED end
  if text == 'block' then return REFUSED end
  local l, w = parse(text)
  if not l then return nil end
  L, W, lowest, delay = l, w, '-' .. l, min(longest, MAX_AHEAD * w)
end

local before = hashed and 1 or 0    -- keys before the customers'
local customers, several = #KEYS - before, #counts / 4

-- own limits by the index of the customer
local limits = {}
if not hashed then
  limits[1] = ARGV[8]
elseif call('HLEN', KEYS[1]) > 0 then
  local fields, from = {}, #KEYS[1] + 1   -- '{K}:limits' is as long as '{K}:limit:'
  for c = 1, customers do fields[c] = string.sub(KEYS[c + 1], from) end
  limits = call('HMGET', KEYS[1], unpack(fields))
end

local defaultLowest, defaultDelay = '-' .. defaultLimit, min(longest, MAX_AHEAD * defaultWindow)
for c = 1, customers do
  if stopped or answered > 0 and work >= budget then break end
  key, L, W = KEYS[before + c], defaultLimit, defaultWindow
  lowest, delay = defaultLowest, defaultDelay
  local text, decision = limits[c], nil
  if text and text ~= '' then decision = setOwn(c, text) end
  local n = c <= several and tonumber(string.sub(counts, 4 * c - 3, 4 * c)) or 1
  if decision then answerAll(answered + n, decision) else judgeAll(answered + n) end
end

return { now, answered, own, stopped and fullTo and tell() or '', others }
