-- The search for the earliest time with room. Comes after window.lua.
--
-- The L places from a rank on are a row. A row that spans less than W is a block:
-- times around it have no room until a window after its first place. Both ends of
-- the rows rise with their ranks, so of the rows around a time the highest block
-- says how far the search can go on.
--
-- A search that takes long is broken off, and the next call continues it.

local PAGE = 256          -- rows read at once

local fullFrom, fullTo    -- no time in [fullFrom, fullTo) has room; nil: nothing is known
local passed, crowd       -- the highest `passed` rows around fullTo are no blocks, as
                          -- long as the number of places around it is `crowd`

-- number of places that share a window with `at`, on either side
local function around(at)
  return count('(' .. at - W, '(' .. at + W)
end

local function page(from, to)
  local rows = call('ZRANGE', key, from, to, 'WITHSCORES')
  local places = {}
  for j = 2, #rows, 2 do places[j / 2] = tonumber(rows[j]) end
  work = work + 1 + #places
  return places
end

-- Looks for the highest block among the rows of ranks lo to hi, in steps that grow.
-- Returns its first place; or nil and the rank that was reached: lo - 1, or a higher
-- one if more work than `stop` was needed.
local function highestBlock(lo, hi, stop)
  local step = 1
  while lo <= hi do
    local from = max(lo, hi - step + 1)
    local top = place(hi)
    if place(from + L - 1) - top < W then  -- otherwise no row from there to hi is a block
      if from == hi then return top end
      local firsts, lasts = page(from, hi), page(from + L - 1, hi + L - 1)
      for i = #firsts, 1, -1 do
        if lasts[i] - firsts[i] < W then return firsts[i] end
      end
    end
    hi, step = from - 1, min(step * 2, PAGE)
    if work > stop then break end
  end
  return nil, hi
end

local function isFull(at)
  return fullFrom and fullFrom <= at and at < fullTo
end

-- Notes that no time in [t, at) has room.
local function remember(at)
  if not (fullFrom and fullFrom <= t and t <= fullTo) then fullFrom = t end
  fullTo, passed = at, 0
end

-- Returns the earliest time from t on that has room, or nil if the budget is used
-- up. There must be L places, and roomy must be false.
local function earliest(budget)
  -- Nothing lies after t, as is usual: the row of the latest places decides.
  if not last and count('(' .. score, '+inf') == 0 then first, last = place(lowest), t end
  if last and last - first < W and last - t < W then return first + W end

  local stop = max(budget, work + budget / 2)
  local at, lo = t, nil
  while true do
    if isFull(at) then at, lo = fullTo, nil end
    lo = lo or count('-inf', at - W)                  -- rows below block earlier times only
    local top = count('-inf', '(' .. at + W) - L      -- rows above, later ones
    local hi = top
    if at == fullTo and passed > 0 and crowd == around(at) then hi = top - passed end
    local block, reached = highestBlock(lo, hi, stop)
    if block then
      at, lo = block + W, top + 1
    elseif reached < lo then
      break
    end
    if work > stop then
      remember(at)
      if not block then passed, crowd = top - reached, around(at) end
      return nil
    end
  end
  if at > t then remember(at) end
  return at
end

-- What the search knows, as text for the next call, which may forget it.
local function tell()
  return table.concat({ L, W, fullFrom, fullTo, passed, crowd or 0 }, ':')
end

local function recall(text)
  local l, w, from, to, rows, places = string.match(text, '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if tonumber(l) ~= L or tonumber(w) ~= W then return end
  fullFrom, fullTo, passed, crowd = tonumber(from), tonumber(to), tonumber(rows), tonumber(places)
end
