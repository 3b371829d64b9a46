-- writes params and, with the last part of a batch, moves the log position
-- KEYS: log, meta, dead, params...
-- ARGV: layout, fence, group, position before, position after ('' in an earlier part),
--       least id to keep, events handled, learned, stale, dropped, channel, changed,
--       dead letters kept, number of dead letters,
--       for each params: generation and version before, those after, state
--       for each dead letter: id, offset, reason, event
-- nothing is written unless layout, fence, position and every version are as expected
local held = redis.call('HMGET', KEYS[2], 'layout', 'fence')
if held[1] ~= ARGV[1] then
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
local first = 15
for i = 4, #KEYS do
  local at = first + 5 * (i - 4)
  local now = redis.call('HMGET', KEYS[i], 'g', 'v')
  if now[1] ~= ARGV[at] or now[2] ~= ARGV[at + 1] then
    return redis.error_reply('QBRIX_MOVED ' .. KEYS[i] .. ' is at version '
      .. (now[2] or 'none') .. ', not ' .. ARGV[at + 1])
  end
end

for i = 4, #KEYS do
  local at = first + 5 * (i - 4)
  redis.call('HSET', KEYS[i], 'f', ARGV[2], 'g', ARGV[at + 2], 'v', ARGV[at + 3],
    's', ARGV[at + 4])
end
if ARGV[8] ~= '0' then
  redis.call('HINCRBY', KEYS[2], 'learned', ARGV[8])
end
if ARGV[5] ~= '' then
  local dead = tonumber(ARGV[14])
  local at = first + 5 * (#KEYS - 3)
  for i = at, at + 4 * dead - 1, 4 do
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[13], '*', 'id', ARGV[i],
      'offset', ARGV[i + 1], 'reason', ARGV[i + 2], 'event', ARGV[i + 3])
  end
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[3], ARGV[5])
  redis.call('XTRIM', KEYS[1], 'MINID', ARGV[6])
  redis.call('HINCRBY', KEYS[2], 'handled', ARGV[7])
  if ARGV[9] ~= '0' then redis.call('HINCRBY', KEYS[2], 'stale', ARGV[9]) end
  if ARGV[10] ~= '0' then redis.call('HINCRBY', KEYS[2], 'dropped', ARGV[10]) end
  if dead > 0 then redis.call('HINCRBY', KEYS[2], 'dead', dead) end
end
if #KEYS > 3 then
  local count = redis.call('HINCRBY', KEYS[2], 'changed:params', 1)
  redis.call('PUBLISH', ARGV[11], count .. ' ' .. ARGV[12])
end
return redis.call('HGET', KEYS[2], 'events')
