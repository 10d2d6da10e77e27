-- Judges a batch of records of one partition by their customers' sliding windows.
--
-- Rule: no half-open window [x, x+W) holds more than L places of a customer.
-- A place is the admission time of one record; the places of a customer are one
-- ZSET, member = the record's ID, score = the place in ms. Records may come in
-- any order of time, so windows on both sides of a new place are looked at.
--
-- Most records find room, one of a customer in each batch. They cost an argument
-- for the key, one for the ID, 14 digits, three commands, and nothing in the reply.
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
--       then the IDs of the records, in the same order
--       then flat pairs: index of a customer (from 1), what an earlier call learnt
-- Returns { now, answered, own, learnt, others }
--   now       ms, this server's clock
--   answered  number of records that are answered, from the first on; fewer than
--             all if the budget ran out
--   own       flat pairs: index of a customer, its own limit as written
--   learnt    flat pairs: index of a customer, text for the next call
--   others    flat pairs: ten times the index of a record (from 1) plus its
--             decision, time. An answered record that is not listed is admitted,
--             and its place is its arrival, but no later than now
--     1 admitted   time = its place
--     2 refused    time = the earliest that has room, 0 if none ever has
--     3 reserved   time = its place, which lies ahead
--     4 the customer's key is no ZSET
-- An error reply may leave earlier records of the batch admitted: the same call
-- again finds them by their IDs and answers the same.

local call, pcall = redis.call, redis.pcall
local floor, max, min = math.floor, math.max, math.min
local sub, format = string.sub, string.format

local ADMITTED, REFUSED, RESERVED, NO_ZSET = 1, 2, 3, 4
local CLOCK = '00000000000000'
local IDS = 10            -- the arguments before the IDs
local MAX_PAGE = 256      -- members read at once by a search
local MAX_PRUNE = 2000    -- members removed at once
local MANY = 64           -- members added at once
local LONG = 32           -- steps from which a search is worth remembering
local MAX_AHEAD = 3600    -- windows that a place may lie ahead (MaxWindowsAhead in Go)
local NAMES = 64          -- places looked up by name at once
local SPARE = 4           -- places beyond the limit from which pruning is tried

local KEYS, ARGV = KEYS, ARGV
local defaultLimit, defaultWindow = tonumber(ARGV[1]), tonumber(ARGV[2])
local lateness, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
local budget, oldest, hashed = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local counts, arrivals = ARGV[9], ARGV[10]
local reserving = longest >= 0
longest = max(longest, 0)

local clock = call('TIME')
local now = clock[1] * 1000 + floor(clock[2] / 1000)
local nowText = format('%.0f', now)

local work = 0            -- commands and members so far, about a microsecond each
local spent = false       -- the budget is used up
local broken              -- the error reply that ends the script
local answered = 0        -- number of records
local entered = 0         -- up to this record, those without a place have got one
local others = {}         -- as returned
local digits, t, score    -- the arrival at hand: as given; as it counts, in ms and as
                          -- a command takes it
local key, L, W, delay    -- the customer at hand
local size, fresh         -- its number of places; whether there were none at first
local highest, byClock    -- its latest place in this batch; whether its arrivals
                          -- are by the clock
local crowded = false     -- its first record is known to have L places that share
                          -- a window with it or lie after it
local jamFrom, jamTo      -- no room in [jamFrom, jamTo), and nothing lies after
local full                -- { from, to }: no room in [from, to) is known
                          -- { .., crowd, passed }: so many blocks are no hindrance
                          -- at `to` as long as it has the same crowd

-- own limit as written -> limit, window; nil if it is none (ParseLimit in Go)
local function parse(text)
  if text == 'off' or text == 'block' then return text end
  local l, s = string.match(text, '^([1-9]%d*)/([1-9]%d*)$')
  if not l or #l > 7 or #s > 7 then return nil end
  l, s = tonumber(l), tonumber(s)
  if l > 1000000 or s > 2678400 then return nil end
  return l, s * 1000
end

local function count(from, to)
  work = work + 1
  return call('ZCOUNT', key, from, to)
end

-- places that share a window with t, on either side
local function crowd(t)
  return count('(' .. (t - W), '(' .. (t + W))
end

-- number of places that lie before all windows of t
local function before(t)
  return count('-inf', t - W)
end

-- reads places by rank, each page twice as long as the one before
local function reader()
  local places, page = {}, 2
  return function(rank)
    local place = places[rank]
    if place then return place end
    local rows = call('ZRANGE', key, rank, rank + page - 1, 'WITHSCORES')
    for j = 2, #rows, 2 do places[rank + j / 2 - 1] = tonumber(rows[j]) end
    work = work + 1 + #rows / 2
    page = min(page * 2, MAX_PAGE)
    return places[rank]
  end
end

local function learn(start, to, seen, passed)
  local from = start
  if full and from <= full.to and to >= full.from then
    from, to = min(from, full.from), max(to, full.to)
  end
  full = { start = start, from = from, to = to, crowd = seen or 0, passed = passed or 0 }
end

-- earliest time >= t that has room; nil if the budget ends first.
-- L places in a row that span less than W are a block: with a time t such that
-- all of them and t span less than W there is no room. Both ends of the blocks
-- rise with their rank, so one pass in the order of ranks finds the answer.
local function earliest(t)
  local start, steps = t, 0
  local i
  if full and full.from <= t and t <= full.to then
    t = full.to
    i = before(t)
    if full.crowd > 0 and full.crowd == crowd(t) then i = i + full.passed end
  else
    i = before(t)
  end
  local place = reader()
  local stop = max(budget, work + budget / 2)
  while i + L <= size do
    if work > stop then
      learn(start, t, crowd(t), max(i - before(t), 0))
      full.keep = true
      return nil
    end
    local first, last = place(i), place(i + L - 1)
    if last - W >= t then break end
    i, steps = i + 1, steps + 1
    if last - first < W and t - first < W then
      t = first + W
      if full and full.from <= t and t < full.to then
        t = full.to
        i = before(t)
      end
    end
  end
  if t > start and steps > LONG then
    learn(start, t, crowd(t), max(i - before(t), 0))
    full.keep = true
  elseif t > start then
    learn(start, t)
  end
  return t
end

local function near(place, t)
  return t - place < W and place - t < W + delay
end

-- Further places of one ID have names by window length and window number; its
-- latest place has the ID itself, so that it is the last to be pruned.
local function alias(id, number)
  return id .. '@' .. W .. ':' .. number
end

-- the first of the places named by the windows `from` to `to` that is near
local function named(id, from, to, t)
  local names = {}
  for number = from, to do names[number - from + 1] = alias(id, number) end
  work = work + 1 + #names
  for _, text in ipairs(call('ZMSCORE', key, unpack(names))) do
    local place = tonumber(text)    -- nil of false, where there is none
    if place and near(place, t) then return place end
  end
  return nil
end

-- The place in whose window the ID comes again, if there is one; and whether
-- that takes more than is left of the budget, so that another call has to look.
local function known(id, top, t)
  if not top then return nil end
  if near(top, t) then return top end
  if top < t then return nil end
  local from, to = floor(t / W) - 1, floor((t + delay) / W) + 1
  if answered > 0 and work + to - from > budget then return nil, true end
  for number = from, to, NAMES do
    local place = named(id, number, min(number + NAMES - 1, to), t)
    if place then return place end
  end
  return nil
end

-- the number of IDs added; an error reply goes to `broken`
local function write(...)
  work, jamTo = work + 1, nil
  local added = pcall('ZADD', key, ...)
  if type(added) == 'table' then
    broken = added
  else
    size = size + added
  end
  return added
end

local function put(id, top, place)
  if not top then
    write(place, id)
  elseif top < place then
    write(top, alias(id, floor(top / W)), place, id)
  else
    write(place, alias(id, floor(place / W)))
  end
end

-- To write a number takes as long as a short command. Records of a batch have
-- often the same time, and so do these texts.
local function writer(pattern)
  local number, text
  return function(n)
    if n ~= number then number, text = n, format(pattern, n) end
    return text
  end
end
local above, rank, cutoff, ms = writer('(%.0f'), writer('%.0f'), writer('%.0f'), writer('%.0f')

-- whether fewer than L places share a window with t or lie after it; where it is
-- full and nothing lies after, notes until when
local function roomy()
  if crowded then
    crowded = false
  elseif size < L or count(above(t - W), '+inf') < L then
    return true
  end
  if count('(' .. score, '+inf') == 0 then
    local last = rank(L - 1)
    jamFrom, jamTo = t, tonumber(call('ZREVRANGE', key, last, last, 'WITHSCORES')[2]) + W
    work = work + 1
  end
  return false
end

local function latest(id)
  work = work + 1
  return tonumber(call('ZSCORE', key, id))
end

-- decision, time; nil if the script is broken
local function take(id, top, place)
  if place - t > delay then return REFUSED, place end
  put(id, top, place)
  if broken then return nil end
  if reserving and place > t then return RESERVED, place end
  return ADMITTED, place
end

-- decision, time; nil if the budget ran out or the script is broken
local function judge(id)
  if not (jamTo and jamFrom <= t and t < jamTo) then
    jamTo = nil
    if answered >= entered and roomy() then
      local added = write('NX', score, id)
      if broken then return nil end
      if added == 1 then return ADMITTED, t end
    end
  end
  local top = latest(id)
  if jamTo and not top then return take(id, top, jamTo) end
  local place, later = known(id, top, t)
  if later then return nil end
  if place then return reserving and place > t and RESERVED or ADMITTED, place end
  place = crowd(t) < L and t or earliest(t)
  if not place then return nil end
  return take(id, top, place)
end

-- the time up to which no later arrival meets a place, not even if the clock is
-- set back by a window; 0 if there is none
local function deadline()
  local widest = max(W, defaultWindow)
  local from = oldest > 0 and oldest or byClock and now or 0
  return max(min(from - widest, now - 2 * widest), 0)
end

-- Drops places that no later arrival meets.
local function prune()
  local upTo = deadline()
  if upTo == 0 then return end
  upTo = cutoff(upTo)
  work = work + 1
  if size <= MAX_PRUNE then
    work = work + call('ZREMRANGEBYSCORE', key, '-inf', upTo)
    return
  end
  local dead = min(count('-inf', upTo), MAX_PRUNE)
  if dead > 0 then work = work + call('ZREMRANGEBYRANK', key, 0, dead - 1) end
end

-- Lets the key live longer than it must, so that not every record has to renew it.
local function renew(life)
  work = work + 1
  call('PEXPIRE', key, ms(life + floor(min(W, lateness) / 2)))
end

-- Keeps the key as long as its places can matter.
local function keep()
  local life = max(now, highest) - now + lateness + W
  work = work + 1
  if fresh or call('PTTL', key) < life then renew(life) end
end

-- places that can keep a time in [from, to) from having room
local function around(from, to)
  return count('(' .. (from - W), '(' .. (to + W))
end

-- What is learnt, as text for the next call. Pruning must not make it seem that
-- places were lost: the part that no arrival meets any more is left out, short of
-- the search that was made last and may have to go on.
local function tell()
  local from = max(full.from, min(deadline() + W, full.start))
  return table.concat({ from, full.to, L, W, full.crowd, full.passed, around(from, full.to) }, ':')
end

-- Takes what an earlier call has told, if it still holds. Places only become
-- more, unless a flush, a failover or expiry has lost them: then fewer are there,
-- or others that lie elsewhere.
local function recall(text)
  local from, to, l, w, seen, passed, places =
    string.match(text, '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if tonumber(l) ~= L or tonumber(w) ~= W then return end
  from, to = tonumber(from), tonumber(to)
  if to > from and crowd(to - 1) < L then return end
  if around(from, to) < tonumber(places) then return end
  full = { start = from, from = from, to = to, crowd = tonumber(seen), passed = tonumber(passed) }
end

-- Takes the arrival of the record, which often is that of the one before. IDs of a
-- stream only rise: after one ahead of the clock, all that come are.
local function arrive(record)
  local given = sub(arrivals, 14 * record - 13, 14 * record)
  if given ~= digits then
    digits, t, score = given, tonumber(given), given
    if given == CLOCK or t > now then t, score = now, nowText end
  end
  if given == CLOCK then byClock = true end
end

-- answers the record whose arrival is at hand
local function answer(decision, time)
  answered = answered + 1
  if decision == ADMITTED and time == t then return end
  local n = #others
  others[n + 1], others[n + 2] = 10 * answered + decision, time
end

-- answers the customer's records up to `last` without a look at its places
local function answerAll(last, decision)
  while answered < last do
    arrive(answered + 1)
    answer(decision, decision == ADMITTED and t or 0)
  end
end

-- Adds the next records, all of which have room, but not those whose IDs have a
-- place already. Whether all were added: then they are answered.
local function addAll(number)
  local places, top = {}, highest
  for j = 1, number do
    arrive(answered + j)
    places[2 * j - 1], places[2 * j] = score, ARGV[IDS + answered + j]
    if t > top then top = t end
  end
  work = work + number
  if write('NX', unpack(places)) ~= number then return false end
  answered, highest = answered + number, top
  return true
end

-- judges the customer's records up to `last`, until the budget ends or the script
-- breaks
local function judgeAll(last)
  while answered < last do
    if answered > 0 and work >= budget then
      spent = true
      return
    end
    local many = last - answered
    if many > 1 then many = min(many, L - size, MANY) end
    if many > 1 and answered >= entered then
      if not addAll(many) then entered = answered + many end
      if broken then return end
    else
      arrive(answered + 1)
      local decision, time = judge(ARGV[IDS + answered + 1])
      if not decision then
        spent = true
        return
      end
      if decision ~= REFUSED and time > highest then highest = time end
      answer(decision, time)
    end
  end
end

-- judges the customer's records up to `last` by its places, of which there are so
-- many; or the number is an error reply
local function judgePlaces(places, last, hint)
  full, jamTo, size = nil, nil, places
  if type(size) == 'table' then
    if not string.find(size.err, 'WRONGTYPE', 1, true) then broken = size return end
    return answerAll(last, NO_ZSET)
  end
  fresh, highest, byClock = size == 0, 0, false
  if hint then recall(hint) end
  judgeAll(last)
  if highest == 0 then return end
  keep()
  if size - L > SPARE then prune() end
end

local first = hashed and 1 or 0
local customers, records = #KEYS - first, #arrivals / 14

-- own limits by the index of the customer
local limits = {}
if not hashed then
  limits[1] = ARGV[8]
elseif call('HLEN', KEYS[1]) > 0 then
  local fields, from = {}, #KEYS[1] + 1   -- '{K}:limits' is as long as '{K}:limit:'
  for c = 1, customers do fields[c] = sub(KEYS[c + 1], from) end
  limits = call('HMGET', KEYS[1], unpack(fields))
end

local hints = {}
for j = IDS + records + 1, #ARGV, 2 do hints[tonumber(ARGV[j])] = ARGV[j + 1] end

local own, learnt = {}, {}

-- judges the customer's records up to `last`; places as above, if already known
local function judgeCustomer(c, places, last)
  local text, mode = limits[c], nil
  if text and text ~= '' then
    local l, w = parse(text)
    own[#own + 1], own[#own + 2] = c, sub(text, 1, 64)
    if w then L, W = l, w else mode = l end
  end
  if mode then return answerAll(last, mode == 'off' and ADMITTED or REFUSED) end
  delay = min(longest, MAX_AHEAD * W)
  work = work + 1
  judgePlaces(places or pcall('ZCARD', key), last, hints[c])
  if full and full.keep then
    learnt[#learnt + 1], learnt[#learnt + 2] = c, tell()
  end
end

-- A customer with one record and no own limit has a short way if there is room.
-- It is written out here because a function takes a good part of a command's time.
local several = #counts / 4
for c = 1, customers do
  if spent or answered > 0 and work >= budget then break end
  key, L, W = KEYS[first + c], defaultLimit, defaultWindow
  local record, places, added = answered + 1, nil, nil
  if c > several and not limits[c] and not hints[c] then
    byClock = false
    local given = sub(arrivals, 14 * record - 13, 14 * record)
    if given ~= digits or given == CLOCK then arrive(record) end
    places = pcall('ZCARD', key)
    if type(places) == 'number' then
      if places >= L then
        work = work + 1
        crowded = call('ZCOUNT', key, above(t - W), '+inf') >= L
      end
      if not crowded then added = pcall('ZADD', key, 'NX', score, ARGV[IDS + record]) end
    end
  end
  if added == 1 then
    answered, work = record, work + 3
    local life = lateness + W
    if places == 0 or call('PTTL', key) < life then renew(life) end
    if places - L >= SPARE then
      size = places + 1
      prune()
    end
  else
    if added == 0 then entered = record end
    judgeCustomer(c, places, answered + (c <= several and tonumber(sub(counts, 4 * c - 3, 4 * c)) or 1))
    if broken then return broken end
  end
end

return { now, answered, own, learnt, others }
