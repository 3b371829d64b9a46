-- appends a batch of one worker's selections, unless it was appended before
-- KEYS: choices, meta, number of the worker's last batch
-- ARGV: layout, limit (0: none), number, expiry of the number in ms, events an entry,
--       events
-- reply: 1, or 0 when the batch was appended before
local held = redis.call('HMGET', KEYS[2], 'layout', 'chosen', 'chosen_trimmed')
if held[1] ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[3]) then
  return 0
end
local limit = tonumber(ARGV[2])
if limit > 0 and tonumber(held[2] or 0) - tonumber(held[3] or 0) >= limit then
  return redis.error_reply('QBRIX_FULL too many selections wait to be recorded')
end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
local pack = 2 * tonumber(ARGV[5])
local entry, size = {}, 0
for i = 6, #ARGV do
  entry[size + 1] = size / 2
  entry[size + 2] = ARGV[i]
  size = size + 2
  if size == pack or i == #ARGV then
    redis.call('XADD', KEYS[1], '*', unpack(entry, 1, size))
    size = 0
  end
end
redis.call('HINCRBY', KEYS[2], 'chosen', #ARGV - 5)
return 1
