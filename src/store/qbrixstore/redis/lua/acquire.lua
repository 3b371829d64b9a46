-- takes the lease of a shard and raises its fence
-- KEYS: lease, meta, log
-- ARGV: layout, name, lease in ms, 1 to take over from the same name, group
-- reply: fence and committed position, or 0 and how long the lease still runs in ms
local layout = redis.call('HGET', KEYS[2], 'layout')
if layout ~= ARGV[1] and layout ~= ARGV[1] .. '/draining' then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (layout or 'none') .. ', not ' .. ARGV[1])
end
local holder = redis.call('GET', KEYS[1])
if holder and not (holder == ARGV[2] and ARGV[4] == '1') then
  return {0, redis.call('PTTL', KEYS[1])}
end
local fence = redis.call('HINCRBY', KEYS[2], 'fence', 1)
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[5], '0', 'MKSTREAM')
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[3])) do
  local held = {}
  for i = 1, #group, 2 do held[group[i]] = group[i + 1] end
  if held['name'] == ARGV[5] then
    return {fence, held['last-delivered-id']}
  end
end
return redis.error_reply('QBRIX_MOVED the log has no consumer group')
