-- trims what was recorded from the start of a stream
-- KEYS: stream, meta
-- ARGV: layout, fence, least id to keep, counter of what was trimmed, events
local held = redis.call('HMGET', KEYS[2], 'layout', 'fence')
if held[1] ~= ARGV[1] and held[1] ~= ARGV[1] .. '/draining' then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
if held[2] ~= ARGV[2] then
  return redis.error_reply('QBRIX_FENCED fence is ' .. (held[2] or 'none')
    .. ', not ' .. ARGV[2])
end
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[3])
redis.call('HINCRBY', KEYS[2], ARGV[4], ARGV[5])
return 1
