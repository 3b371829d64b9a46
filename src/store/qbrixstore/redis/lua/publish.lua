-- sets a definition that is newer, and the first params of an experiment without any;
-- where there are params already, the log says from where on the definition holds
-- KEYS: definition, params, policies, meta, log
-- ARGV: layout, version, definition, policy, fence, generation, params version, state,
--       channel of definitions, channel of params, changed, control event
-- reply: 1 when the definition was set
local layout = redis.call('HGET', KEYS[4], 'layout')
if layout ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local held = redis.call('HMGET', KEYS[1], 'v', 'd')
if held[1] and not held[2] and tonumber(held[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('SADD', KEYS[3], ARGV[4])
local first = redis.call('EXISTS', KEYS[2]) == 0
if first then
  redis.call('HSET', KEYS[2], 'f', ARGV[5], 'g', ARGV[6], 'v', ARGV[7], 's', ARGV[8])
  local count = redis.call('HINCRBY', KEYS[4], 'changed:params', 1)
  redis.call('PUBLISH', ARGV[10], count .. ' ' .. ARGV[11])
end
if held[1] and tonumber(held[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3])
redis.call('PERSIST', KEYS[1])
if not first then
  redis.call('XADD', KEYS[5], '*', 0, ARGV[12])
  redis.call('HINCRBY', KEYS[4], 'events', 1)
end
local count = redis.call('HINCRBY', KEYS[4], 'changed:definitions', 1)
redis.call('PUBLISH', ARGV[9], count .. ' ' .. ARGV[11])
return 1
