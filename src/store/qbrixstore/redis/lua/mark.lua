-- says anew what layout a shard has
-- KEYS: meta   ARGV: new mark, marks that it may replace...
local mark = redis.call('HGET', KEYS[1], 'layout')
for i = 2, #ARGV do
  if mark == ARGV[i] then
    redis.call('HSET', KEYS[1], 'layout', ARGV[1])
    return 1
  end
end
return redis.error_reply('QBRIX_LAYOUT the shard has layout ' .. (mark or 'none')
  .. ', not ' .. ARGV[2])
