-- lets everybody use the layout to come, or gives it up
-- KEYS: pointer   ARGV: number of the layout to come, 1 to use it
local held = redis.call('HMGET', KEYS[1], 'number', 'shards', 'to', 'to_shards')
if held[3] ~= ARGV[1] then
  return redis.error_reply('QBRIX_MOVED the layout to come is ' .. (held[3] or 'none')
    .. ', not ' .. ARGV[1])
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'number', held[3], 'shards', held[4],
    'old', held[1], 'old_shards', held[2])
end
redis.call('HDEL', KEYS[1], 'to', 'to_shards')
return 1
