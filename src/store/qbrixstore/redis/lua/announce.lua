-- counts a change of a topic and tells of it
-- KEYS: meta
-- ARGV: layout, counter, channel, changed
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local count = redis.call('HINCRBY', KEYS[1], ARGV[2], 1)
redis.call('PUBLISH', ARGV[3], count .. ' ' .. ARGV[4])
return count
