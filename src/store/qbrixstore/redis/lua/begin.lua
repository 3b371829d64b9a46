-- notes that the store is to be divided anew, under a number that was never used
-- KEYS: pointer   ARGV: number in use, shards wanted
-- reply: number of the layout to come
local held = redis.call('HMGET', KEYS[1], 'number', 'to', 'last')
if held[1] ~= ARGV[1] then
  return redis.error_reply('QBRIX_MOVED the layout in use is ' .. (held[1] or 'none')
    .. ', not ' .. ARGV[1])
end
local last = math.max(tonumber(held[1]), tonumber(held[2] or 0), tonumber(held[3] or 0))
redis.call('HSET', KEYS[1], 'to', last + 1, 'to_shards', ARGV[2], 'last', last + 1)
return last + 1
