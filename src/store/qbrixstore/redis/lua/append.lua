-- tests and sets the mark of every event, appends those that are new
-- KEYS: log, meta, chunk of marks...
-- ARGV: layout, limit (0: none), mark expiry in ms, events an entry,
--       then for each event: index of its chunk in KEYS, bit, bytes (none: only mark)
-- reply: one character an event, 1 new, 0 repeated
local held = redis.call('HMGET', KEYS[2], 'layout', 'events', 'handled', 'trimmed')
if held[1] ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
local limit = tonumber(ARGV[2])
if limit > 0
  and tonumber(held[2] or 0) - tonumber(held[4] or held[3] or 0) >= limit then
  return redis.error_reply('QBRIX_FULL too many events wait to be learned')
end

local answers, touched, entry = {}, {}, {}
local appended, spent, size = 0, 0, 0
local pack = 2 * tonumber(ARGV[4])
for i = 5, #ARGV, 3 do
  local key = KEYS[tonumber(ARGV[i])]
  if redis.call('SETBIT', key, ARGV[i + 1], 1) == 0 then
    answers[#answers + 1] = '1'
    touched[key] = true
    if ARGV[i + 2] == '' then
      spent = spent + 1
    else
      entry[size + 1] = size / 2
      entry[size + 2] = ARGV[i + 2]
      size = size + 2
      appended = appended + 1
    end
    if size == pack then
      redis.call('XADD', KEYS[1], '*', unpack(entry, 1, size))
      size = 0
    end
  else
    answers[#answers + 1] = '0'
  end
end
if size > 0 then
  redis.call('XADD', KEYS[1], '*', unpack(entry, 1, size))
end
if appended > 0 then
  redis.call('HINCRBY', KEYS[2], 'events', appended)
end
if spent > 0 then
  redis.call('HINCRBY', KEYS[2], 'spent', spent)
end
local expiry = tonumber(ARGV[3])
for key in pairs(touched) do
  if redis.call('PTTL', key) < expiry then
    redis.call('PEXPIRE', key, expiry)
  end
end
return table.concat(answers)
