-- sets a definition that is newer, and the first params of an experiment without any;
-- where there are params already, the log says from where on the definition holds;
-- where a definition is but no params, these were lost, and no prior replaces them
-- KEYS: definition, params, policies, meta, log
-- ARGV: layout, version, definition, policy, fence, generation, params version, state,
--       channel of definitions, channel of params, changed, control event,
--       1 when the params are of an older version of the definition
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
local known = redis.call('EXISTS', KEYS[2]) == 1
local restored = ARGV[7] ~= '0'
if not known and (restored or not held[2]) then
  redis.call('HSET', KEYS[2], 'f', ARGV[5], 'g', ARGV[6], 'v', ARGV[7], 's', ARGV[8])
  local count = redis.call('HINCRBY', KEYS[4], 'changed:params', 1)
  redis.call('PUBLISH', ARGV[10], count .. ' ' .. ARGV[11])
  if restored then
    redis.call('HINCRBY', KEYS[4], 'restored', 1)
    known = ARGV[13] == '1'
  end
end
local newer = not held[1] or tonumber(held[1]) < tonumber(ARGV[2])
if known and (newer or restored) then
  redis.call('XADD', KEYS[5], '*', 0, ARGV[12])
  redis.call('HINCRBY', KEYS[4], 'events', 1)
end
if not newer then
  return 0
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3])
redis.call('PERSIST', KEYS[1])
local count = redis.call('HINCRBY', KEYS[4], 'changed:definitions', 1)
redis.call('PUBLISH', ARGV[9], count .. ' ' .. ARGV[11])
return 1
