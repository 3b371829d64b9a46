-- the layout in use, or the one that an empty store is to have
-- KEYS: pointer   ARGV: number, shards, incarnation
-- reply: number, shards, incarnation, 1 when it is in use
local held = redis.call('HMGET', KEYS[1], 'number', 'shards', 'incarnation')
if held[1] then
  return {held[1], held[2], held[3] or '', 1}
end
redis.call('HSETNX', KEYS[1], 'next', ARGV[3])
redis.call('HSETNX', KEYS[1], 'next_shards', ARGV[2])
local next = redis.call('HMGET', KEYS[1], 'next_shards', 'next')
return {ARGV[1], next[1], next[2], 0}
