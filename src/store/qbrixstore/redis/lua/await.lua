-- puts batches of selections where their rewards are awaited, each batch once
-- KEYS: awaited, meta
-- ARGV: layout, limit (0: none), for each batch: when it lapses in ms, selections, bytes
-- reply: how many selections were new
local held = redis.call('HMGET', KEYS[2], 'layout', 'awaited', 'settled')
if held[1] ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
local limit = tonumber(ARGV[2])
if limit > 0 and tonumber(held[2] or 0) - tonumber(held[3] or 0) >= limit then
  return redis.error_reply('QBRIX_FULL too many selections await their rewards')
end
local fresh = 0
for i = 3, #ARGV, 3 do
  if redis.call('ZADD', KEYS[1], 'NX', ARGV[i], ARGV[i + 2]) == 1 then
    fresh = fresh + ARGV[i + 1]
  end
end
if fresh > 0 then
  redis.call('HINCRBY', KEYS[2], 'awaited', fresh)
end
return fresh
