-- puts a tombstone in the place of a definition and drops its params
-- KEYS: definition, params, meta, learned, learned at
-- ARGV: layout, version, tombstone expiry in ms, channel of definitions,
--       channel of params, changed, experiment
-- reply: 1 when the tombstone was set
local layout = redis.call('HGET', KEYS[3], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local held = redis.call('HMGET', KEYS[1], 'v', 'd')
if held[1] and (tonumber(held[1]) > tonumber(ARGV[2])
    or (tonumber(held[1]) == tonumber(ARGV[2]) and not held[2])) then
  return 0
end
redis.call('HDEL', KEYS[1], 'd')
redis.call('HSET', KEYS[1], 'v', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('HDEL', KEYS[4], ARGV[7])
redis.call('HDEL', KEYS[5], ARGV[7])
local count = redis.call('HINCRBY', KEYS[3], 'changed:definitions', 1)
redis.call('PUBLISH', ARGV[4], count .. ' ' .. ARGV[6])
if redis.call('DEL', KEYS[2]) == 1 then
  count = redis.call('HINCRBY', KEYS[3], 'changed:params', 1)
  redis.call('PUBLISH', ARGV[5], count .. ' ' .. ARGV[6])
end
return 1
