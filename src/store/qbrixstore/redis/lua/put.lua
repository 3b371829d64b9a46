-- replaces params unless those stored are newer
-- KEYS: params, meta
-- ARGV: layout, fence, generation, version, state, channel of params, changed
local layout = redis.call('HGET', KEYS[2], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local held = redis.call('HGET', KEYS[1], 'v')
if held and tonumber(held) > tonumber(ARGV[4]) then
  return redis.error_reply('QBRIX_OLDER version ' .. held .. ' is stored')
end
redis.call('HSET', KEYS[1], 'f', ARGV[2], 'g', ARGV[3], 'v', ARGV[4], 's', ARGV[5])
local count = redis.call('HINCRBY', KEYS[2], 'changed:params', 1)
redis.call('PUBLISH', ARGV[6], count .. ' ' .. ARGV[7])
return 1
