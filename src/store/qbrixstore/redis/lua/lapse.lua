-- takes batches of selections out, and appends the default reward of each selection
-- whose token has no mark: testing, marking and appending are one step
-- KEYS: awaited, log, meta, for each chunk: its marks, its marks set for defaults
-- ARGV: layout, fence, events the log may hold, expiry of marks in ms, events an entry,
--       number of batches, for each: bytes, selections, 1 if it comes too late,
--       then for each selection: index of its marks in KEYS, bit, event
-- reply: how many were appended, -1 if nothing was done for want of room
local held = redis.call('HMGET', KEYS[3], 'layout', 'fence', 'events', 'handled',
  'trimmed')
if held[1] ~= ARGV[1] then
  return redis.error_reply('QBRIX_LAYOUT the shard has layout '
    .. (held[1] or 'none') .. ', not ' .. ARGV[1])
end
if held[2] ~= ARGV[2] then
  return redis.error_reply('QBRIX_FENCED fence is ' .. (held[2] or 'none')
    .. ', not ' .. ARGV[2])
end
if tonumber(held[3] or 0) - tonumber(held[5] or held[4] or 0) >= tonumber(ARGV[3]) then
  return -1
end
local first = 7 + 3 * tonumber(ARGV[6])
local settled, overdue = 0, 0
for i = 7, first - 1, 3 do
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
    settled = settled + ARGV[i + 1]
    if ARGV[i + 2] == '1' then overdue = overdue + ARGV[i + 1] end
  end
end

local touched, entry = {}, {}
local appended, size = 0, 0
local pack = 2 * tonumber(ARGV[5])
for i = first, #ARGV, 3 do
  local at = tonumber(ARGV[i])
  if redis.call('SETBIT', KEYS[at], ARGV[i + 1], 1) == 0 then
    redis.call('SETBIT', KEYS[at + 1], ARGV[i + 1], 1)
    touched[KEYS[at]], touched[KEYS[at + 1]] = true, true
    entry[size + 1] = size / 2
    entry[size + 2] = ARGV[i + 2]
    size = size + 2
    appended = appended + 1
    if size == pack then
      redis.call('XADD', KEYS[2], '*', unpack(entry, 1, size))
      size = 0
    end
  end
end
if size > 0 then
  redis.call('XADD', KEYS[2], '*', unpack(entry, 1, size))
end
if appended > 0 then
  redis.call('HINCRBY', KEYS[3], 'events', appended)
  redis.call('HINCRBY', KEYS[3], 'defaulted', appended)
end
if settled > 0 then redis.call('HINCRBY', KEYS[3], 'settled', settled) end
if overdue > 0 then redis.call('HINCRBY', KEYS[3], 'overdue', overdue) end
local expiry = tonumber(ARGV[4])
for key in pairs(touched) do
  if redis.call('PTTL', key) < expiry then
    redis.call('PEXPIRE', key, expiry)
  end
end
return appended
