-- some keys of a shard, wherever its slot is
-- KEYS: meta   ARGV: cursor, pattern, how many to look at
-- reply: next cursor (0: that was all), keys
return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
