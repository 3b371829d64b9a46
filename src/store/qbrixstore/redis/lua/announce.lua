-- counts a change of a topic and tells of it
-- KEYS: meta
-- ARGV: counter, channel, changed
local count = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('PUBLISH', ARGV[2], count .. ' ' .. ARGV[3])
return count
