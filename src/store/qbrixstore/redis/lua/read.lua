-- all that a key holds
-- KEYS: key
-- reply: its type, its expiry in ms, value or members; fields and values in turns, rows
--        and scores in turns
local kind = redis.call('TYPE', KEYS[1])['ok']
local held = false
if kind == 'string' then held = redis.call('GET', KEYS[1])
elseif kind == 'hash' then held = redis.call('HGETALL', KEYS[1])
elseif kind == 'set' then held = redis.call('SMEMBERS', KEYS[1])
elseif kind == 'zset' then held = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
end
return {kind, redis.call('PTTL', KEYS[1]), held}
