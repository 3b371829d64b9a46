-- the batches that lapsed first, by the clock of the server
-- KEYS: awaited   ARGV: grace in ms, how many
-- reply: milliseconds since 1970, batches
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGE', KEYS[1], '-inf', now - ARGV[1], 'BYSCORE',
  'LIMIT', 0, ARGV[2])
return {string.format('%.0f', now), due}
