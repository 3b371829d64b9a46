-- writes params and, with the last part of a batch, moves the log position
-- KEYS: log, meta, dead, learned, learned at, params...
-- ARGV: layout, fence, group, position before, position after ('' in an earlier part),
--       least id to keep ('': all, until they are recorded), events handled, stale,
--       dropped, channel, changed, dead letters kept, number of dead letters,
--       for each params: generation and version before, those after, state,
--         experiment, events learned
--       for each dead letter: id, offset, reason, event
-- nothing is written unless layout, fence, position and every version are as expected
local held = redis.call('HMGET', KEYS[2], 'layout', 'fence')
if held[1] ~= ARGV[1] and held[1] ~= ARGV[1] .. '/draining' then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
if held[2] ~= ARGV[2] then
  return redis.error_reply('QBRIX_FENCED fence is ' .. (held[2] or 'none')
    .. ', not ' .. ARGV[2])
end
local position
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local info = {}
    for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
    if info['name'] == ARGV[3] then position = info['last-delivered-id'] end
  end
end
if position ~= ARGV[4] then
  return redis.error_reply('QBRIX_MOVED position is ' .. (position or 'none')
    .. ', not ' .. ARGV[4])
end
local first, width = 14, 7
for i = 6, #KEYS do
  local at = first + width * (i - 6)
  local now = redis.call('HMGET', KEYS[i], 'g', 'v')
  if now[1] ~= ARGV[at] or now[2] ~= ARGV[at + 1] then
    return redis.error_reply('QBRIX_MOVED ' .. KEYS[i] .. ' is at version '
      .. (now[2] or 'none') .. ', not ' .. ARGV[at + 1])
  end
end

local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local learned = 0
for i = 6, #KEYS do
  local at = first + width * (i - 6)
  redis.call('HSET', KEYS[i], 'f', ARGV[2], 'g', ARGV[at + 2], 'v', ARGV[at + 3],
    's', ARGV[at + 4])
  if ARGV[at + 6] ~= '0' then
    redis.call('HINCRBY', KEYS[4], ARGV[at + 5], ARGV[at + 6])
    redis.call('HSET', KEYS[5], ARGV[at + 5], now_ms)
  end
  learned = learned + ARGV[at + 6]
end
if learned > 0 then
  redis.call('HINCRBY', KEYS[2], 'learned', learned)
end
local dead = tonumber(ARGV[13])
local letters = first + width * (#KEYS - 5)
for i = letters, letters + 4 * dead - 1, 4 do
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[12], '*', 'id', ARGV[i],
    'offset', ARGV[i + 1], 'reason', ARGV[i + 2], 'event', ARGV[i + 3])
end
if dead > 0 then redis.call('HINCRBY', KEYS[2], 'dead', dead) end
if ARGV[8] ~= '0' then redis.call('HINCRBY', KEYS[2], 'stale', ARGV[8]) end
if ARGV[9] ~= '0' then redis.call('HINCRBY', KEYS[2], 'dropped', ARGV[9]) end
if ARGV[5] ~= '' then
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[3], ARGV[5])
  local handled = redis.call('HINCRBY', KEYS[2], 'handled', ARGV[7])
  if ARGV[6] == '' then
    redis.call('HSETNX', KEYS[2], 'trimmed', handled - ARGV[7])
  else
    redis.call('XTRIM', KEYS[1], 'MINID', ARGV[6])
    redis.call('HSET', KEYS[2], 'trimmed', handled)
  end
end
if #KEYS > 5 then
  local count = redis.call('HINCRBY', KEYS[2], 'changed:params', 1)
  redis.call('PUBLISH', ARGV[10], count .. ' ' .. ARGV[11])
end
redis.call('HSET', KEYS[2], 'committed_ms', now_ms)
return redis.call('HGET', KEYS[2], 'events')
