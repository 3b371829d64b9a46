-- the layout in use, after giving an empty store one
-- KEYS: pointer   ARGV: number, shards
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'number', ARGV[1], 'shards', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'number', 'shards')
