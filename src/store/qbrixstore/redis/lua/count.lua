-- adds a batch of counts of one worker, unless it was added before
-- KEYS: number of the worker's last batch, meta, counted,
--       for each group: counts, contexts ever, contexts of the day
-- ARGV: layout, number, expiry of the number in ms, id for counts without one,
--       expiry of counts in ms, expiry of contexts of a day in ms,
--       for each group: tenant:experiment, hour, number of cells, number of ids,
--         for each cell: arm, cell; the ids
-- a cell is a msgpack array: selections, defaults, feedback, sum, least and largest of
-- the rewards, first and last selection in ms and, as stored, the revisions at which it
-- began and last changed
-- reply: 1, or 0 when the batch was added before
local layout = redis.call('HGET', KEYS[2], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[2]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])

local function merge(cell, held)
  if held[3] > 0 then
    if cell[3] == 0 or held[5] < cell[5] then cell[5] = held[5] end
    if cell[3] == 0 or held[6] > cell[6] then cell[6] = held[6] end
  end
  if held[1] > 0 then
    if cell[1] == 0 or held[7] < cell[7] then cell[7] = held[7] end
    if cell[1] == 0 or held[8] > cell[8] then cell[8] = held[8] end
  end
  for i = 1, 4 do cell[i] = cell[i] + held[i] end
  cell[9] = held[9]
end

local at = 7
for i = 4, #KEYS, 3 do
  redis.call('HSETNX', KEYS[i], 'id', ARGV[4])
  local revision = redis.call('HINCRBY', KEYS[i], 'n', 1)
  redis.call('SADD', KEYS[3], ARGV[at])
  local hour = ARGV[at + 1]
  local cells, ids = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local fields, written = {}, {}
  for n = 1, cells do fields[n] = hour .. ':' .. ARGV[at + 2 * n - 2] end
  local known = cells > 0 and redis.call('HMGET', KEYS[i], unpack(fields)) or {}
  for n = 1, cells do
    local cell = cmsgpack.unpack(ARGV[at + 2 * n - 1])
    if known[n] then merge(cell, cmsgpack.unpack(known[n])) else cell[9] = revision end
    cell[10] = revision
    written[2 * n - 1], written[2 * n] = fields[n], cmsgpack.pack(cell)
  end
  if cells > 0 then redis.call('HSET', KEYS[i], unpack(written)) end
  at = at + 2 * cells
  redis.call('PEXPIRE', KEYS[i], ARGV[5])
  if ids > 0 then
    redis.call('PFADD', KEYS[i + 1], unpack(ARGV, at, at + ids - 1))
    redis.call('PFADD', KEYS[i + 2], unpack(ARGV, at, at + ids - 1))
    redis.call('PEXPIRE', KEYS[i + 2], ARGV[6])
    at = at + ids
  end
end
return 1
