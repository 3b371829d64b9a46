-- adds what a shard knew of used tokens, or of delivered batches, to another one
-- KEYS: bitmap or number, a name that is free
-- ARGV: value, expiry in ms, 'bits' or 'numbers'
local held = redis.call('GET', KEYS[1])
local expiry = math.max(tonumber(ARGV[2]), redis.call('PTTL', KEYS[1]))
if not held then
  redis.call('SET', KEYS[1], ARGV[1])
elseif ARGV[3] == 'bits' then
  redis.call('SET', KEYS[2], ARGV[1])
  redis.call('BITOP', 'OR', KEYS[1], KEYS[1], KEYS[2])
  redis.call('DEL', KEYS[2])
elseif tonumber(ARGV[1]) > tonumber(held) then
  redis.call('SET', KEYS[1], ARGV[1])
end
if expiry > 0 then
  redis.call('PEXPIRE', KEYS[1], expiry)
end
return 1
