// What happens to a job's record in Redis, each change as one atomic script. The record is the truth about a job: BullMQ's
// own job is no more than the ticket that says whose turn it is, and that a process is still at it.
//
// All keys begin with `{millrace}`, so that a cluster keeps them on one node, and those of BullMQ's queues with them:
//   .job:ID       the record                    .input:ID, .result:ID:RUN   pieces, by their number
//   .all, .client:CLIENT, .state:STATE          ids by their number of arrival
//   .expiry       `ID CLIENT` by when it expires   .key:HASH      the job of an idempotency key
//   .turn:TASK, .now:TASK                       the clients' last turns, and the turn that is on
//   .share:KEY     the last job with such a key that has, or had, a run of its own: the others follow it
//   .followers:ID  those that end as this one does, by their number of arrival; they have no tickets
// Time is Redis's own: machines differ.
import { createHash } from 'node:crypto';
import { jobStates, mostFollowers } from '../job.js';

/** What of a record makes a Job, in the order in which scripts tell it; Redis's time behind them. */
export const recordFields = [
  'info',
  'state',
  'progress',
  'attempts',
  'createdAt',
  'startedAt',
  'endedAt',
  'expiresAt',
  'error',
  'seqState',
  'seqProgress',
  'run',
  'head',
  'bytes',
  'input',
  'result',
] as const;

export interface Script {
  readonly sha: string;
  readonly lua: string;
}

const shared = `
local function key(kind, name) return KEYS[1] .. '.' .. kind .. (name and (':' .. name) or '') end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function field(id, name) return redis.call('HGET', key('job', id), name) end
local function tell(id)
  local record = redis.call('HMGET', key('job', id), ${recordFields.map((field) => `'${field}'`).join(', ')})
  record[#record + 1] = now()
  return record
end
-- With its input, where that is one piece: of all others the pieces are read one by one.
local function tellRun(id)
  local input = redis.call('HLEN', key('input', id)) == 1 and redis.call('HGET', key('input', id), 0)
  return {'run', tell(id), input}
end
local function isExpired(id)
  local at = field(id, 'expiresAt')
  return at and at ~= '' and now() >= tonumber(at)
end
local function nextSeq(id)
  local seqs = redis.call('HMGET', key('job', id), 'seqState', 'seqProgress')
  return math.max(tonumber(seqs[1]), tonumber(seqs[2])) + 1
end
local function enter(id, state, ...)
  local from = field(id, 'state')
  redis.call('ZREM', key('state', from), id)
  redis.call('ZADD', key('state', state), field(id, 'order'), id)
  redis.call('HSET', key('job', id), 'state', state, 'seqState', nextSeq(id), ...)
  redis.call('PUBLISH', key('watch', id), '')
end
local function endOne(id, state, keepMs, err, ...)
  local at = now()
  enter(id, state, 'endedAt', at, 'expiresAt', at + keepMs, 'error', err, ...)
  redis.call('ZADD', key('expiry'), at + keepMs, id .. ' ' .. field(id, 'client'))
  -- It is remembered for as long again, so that one can say that it was there.
  redis.call('PEXPIRE', key('job', id), 2 * keepMs)
  local idempotency = field(id, 'key')
  if idempotency ~= '' then redis.call('PEXPIRE', key('key', idempotency), keepMs) end
  if state == 'failed' then redis.call('PEXPIRE', key('input', id), keepMs) else redis.call('UNLINK', key('input', id)) end
  local pace = redis.call('HMGET', key('pace'), 'at', 'ms')
  local ms = tonumber(pace[2] or 1000)
  if pace[1] then ms = ms + (at - pace[1] - ms) / 16 end
  redis.call('HSET', key('pace'), 'at', at, 'ms', ms)
end
local function priority(turn) return math.min(tonumber(turn) + 1, 2097151) end
local function isOn(id)
  local state = id and id ~= '' and field(id, 'state')
  return state == 'waiting' or state == 'running'
end
-- It is to have a ticket. \`due\` stays until it has: whoever is to give it that may die before.
local function lead(id)
  redis.call('HSET', key('job', id), 'leader', '', 'since', now(), 'due', 1)
  return {priority(field(id, 'turn')), tell(id)}
end
-- With it end those that follow it. Where it is cancelled, the first of them takes its place: told, to get a ticket.
local function finish(id, state, keepMs, err, ...)
  endOne(id, state, keepMs, err, ...)
  local share = field(id, 'share')
  if not share or share == '' then return false end
  local leader, ttl, run = unpack(redis.call('HMGET', key('job', id), 'leader', 'ttl', 'run'))
  if leader ~= '' then
    redis.call('ZREM', key('followers', leader), id)
    return false
  end
  local followers = key('followers', id)
  local leads = redis.call('GET', key('share', share)) == id
  local ids = redis.call('ZRANGE', followers, 0, -1)
  if state == 'cancelled' and #ids > 0 then
    local heir = ids[1]
    redis.call('ZREM', followers, heir)
    if #ids > 1 then redis.call('RENAME', followers, key('followers', heir)) end
    for i = 2, #ids do redis.call('HSET', key('job', ids[i]), 'leader', heir) end
    if leads then redis.call('SET', key('share', share), heir) end
    return lead(heir)
  end
  for _, one in ipairs(ids) do
    if state == 'completed' then endOne(one, state, keepMs, err, 'result', id .. ':' .. run, ...)
    else endOne(one, state, keepMs, err) end
  end
  redis.call('DEL', followers)
  if leads then
    if state == 'completed' and tonumber(ttl) > 0 then redis.call('PEXPIRE', key('share', share), math.ceil(ttl))
    else redis.call('DEL', key('share', share)) end
  end
  return false
end
local function runs(id, run)
  local record = redis.call('HMGET', key('job', id), 'state', 'run')
  return record[1] == 'running' and record[2] == run
end
-- Start-time fair queueing with jobs of equal cost, as BullMQ's priorities, which end at 2^21.
local function turnOf(task, client, queue)
  local turns = key('turn', task)
  if redis.call('ZCARD', queue .. 'prioritized') + redis.call('LLEN', queue .. 'wait') == 0 then
    redis.call('DEL', turns, key('now', task))
  end
  local on = tonumber(redis.call('GET', key('now', task)) or 0)
  local turn = math.max(on, tonumber(redis.call('HGET', turns, client) or -1) + 1)
  redis.call('HSET', turns, client, turn)
  if redis.call('HLEN', turns) > 4096 and turn % 64 == 0 then
    local all = redis.call('HGETALL', turns)
    for i = 1, #all, 2 do if tonumber(all[i + 1]) < on then redis.call('HDEL', turns, all[i]) end end
  end
  return turn
end
local function sweep()
  local due = redis.call('ZRANGEBYSCORE', key('expiry'), '-inf', now(), 'LIMIT', 0, 200)
  for _, member in ipairs(due) do
    local id, client = string.match(member, '^(%S+) (.*)$')
    redis.call('ZREM', key('expiry'), member)
    redis.call('ZREM', key('all'), id)
    redis.call('ZREM', key('client', client), id)
    ${jobStates.map((state) => `redis.call('ZREM', key('state', '${state}'), id)`).join('\n    ')}
    redis.call('UNLINK', key('input', id))
    if redis.call('EXISTS', key('job', id)) == 1 then redis.call('PUBLISH', key('watch', id), '') end
  end
end
`;

function script(body: string): Script {
  const lua = shared + body;
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * id, task, client, info, input's head, hash of the key or '', fingerprint, most waiting, queue, key of its share or '', its
 * ttlMs, keepMs, small input. Told with priority 0, it gets no ticket.
 */
const add = script(`
local id, task, client, info, input, idempotency, fingerprint, most, queue, share, ttl, keepMs, body = unpack(ARGV)
if idempotency ~= '' then
  local known = redis.call('GET', key('key', idempotency))
  if known and redis.call('EXISTS', key('job', known)) == 1 and not isExpired(known) then
    if field(known, 'fingerprint') ~= fingerprint then return {'mismatch'} end
    -- Whoever added it may have died before it had a ticket.
    local lacks = field(known, 'state') == 'waiting' and redis.call('EXISTS', queue .. known) == 0
      and (field(known, 'leader') or '') == ''
    return {'known', lacks and priority(field(known, 'turn')) or 0, known, tell(known), 0}
  end
end
local waiting = redis.call('ZCARD', key('state', 'waiting'))
if waiting >= tonumber(most) then
  return {'full', math.ceil(waiting / 16 * (redis.call('HGET', key('pace'), 'ms') or 1000))}
end
local at = now()
local leader, ref = '', nil
if share ~= '' then
  local first = redis.call('GET', key('share', share))
  if isOn(first) then
    if redis.call('ZCARD', key('followers', first)) < ${mostFollowers} then leader = first end
  elseif first and field(first, 'state') == 'completed' and at - field(first, 'endedAt') < tonumber(ttl) then
    ref = first .. ':' .. field(first, 'run')
    local left = redis.call('PTTL', key('result', ref))
    if left < 0 then ref = nil else redis.call('PEXPIRE', key('result', ref), math.max(left, keepMs)) end
  end
  if ref then leader = first elseif leader == '' then redis.call('SET', key('share', share), id) end
end
local turn = turnOf(task, client, queue)
local order = redis.call('INCR', key('order'))
redis.call('HSET', key('job', id), 'info', info, 'input', input, 'task', task, 'client', client, 'key', idempotency,
  'fingerprint', fingerprint, 'order', order, 'turn', turn, 'since', at, 'createdAt', at, 'state', 'waiting', 'progress', '',
  'attempts', 0, 'startedAt', '', 'endedAt', '', 'expiresAt', '', 'error', '', 'seqState', 1, 'seqProgress', 0, 'run', 0,
  'token', '', 'head', '', 'bytes', 0, 'share', share, 'ttl', ttl, 'leader', leader)
if body then redis.call('HSET', key('input', id), 0, body) else redis.call('PERSIST', key('input', id)) end
redis.call('ZADD', key('all'), order, id)
redis.call('ZADD', key('client', client), order, id)
redis.call('ZADD', key('state', 'waiting'), order, id)
if idempotency ~= '' then redis.call('SET', key('key', idempotency), id) end
if ref then
  local head, bytes = unpack(redis.call('HMGET', key('job', leader), 'head', 'bytes'))
  endOne(id, 'completed', keepMs, '', 'result', ref, 'head', head, 'bytes', bytes)
elseif leader ~= '' then
  redis.call('ZADD', key('followers', leader), order, id)
end
return {'new', leader == '' and priority(turn) or 0, id, tell(id), leader == '' and 0 or 1}
`);

const read = script(`
if redis.call('EXISTS', key('job', ARGV[1])) == 0 then return false end
return tell(ARGV[1])
`);

/** id, token, its lock, attempts, keepMs, problem of who was lost too often, problem of a lost input */
const begin = script(`
local id, token, lock, attempts, keepMs, lost, noInput = unpack(ARGV)
local state = field(id, 'state')
if redis.call('GET', lock) ~= token then return {'gone'} end
if not state then return {'drop'} end
if state == 'running' and field(id, 'token') == token then return tellRun(id) end
local hasInput = redis.call('EXISTS', key('input', id)) == 1
local ticket = string.sub(lock, 1, -6)
if state == 'failed' then
  -- Another tool of BullMQ's has had it tried again, if its ticket has failed, too: BullMQ notes that as a stack trace,
  -- which such a tool leaves there whatever it resets. Otherwise the ticket is only late: the job failed without it.
  if not hasInput or isExpired(id) or redis.call('HEXISTS', ticket, 'stacktrace') == 0 then
    return {'failed', field(id, 'error')}
  end
  redis.call('ZREM', key('expiry'), id .. ' ' .. field(id, 'client'))
  redis.call('PERSIST', key('job', id))
  redis.call('PERSIST', key('input', id))
  local idempotency = field(id, 'key')
  if idempotency ~= '' then redis.call('PERSIST', key('key', idempotency)) end
  redis.call('HSET', key('job', id), 'attempts', 0, 'error', '', 'expiresAt', '', 'endedAt', '')
elseif state == 'running' then
  if tonumber(field(id, 'attempts')) >= tonumber(attempts) then
    finish(id, 'failed', tonumber(keepMs), lost)
    return {'failed', lost}
  end
  redis.call('INCR', key('reruns'))
elseif state ~= 'waiting' then
  return {'drop'}
end
if not hasInput then
  finish(id, 'failed', tonumber(keepMs), noInput)
  return {'failed', noInput}
end
local on = key('now', field(id, 'task'))
local turn = tonumber(field(id, 'turn'))
if turn > tonumber(redis.call('GET', on) or 0) then redis.call('SET', on, turn) end
redis.call('HINCRBY', key('job', id), 'attempts', 1)
redis.call('HINCRBY', key('job', id), 'run', 1)
redis.call('HDEL', key('job', id), 'unlocked', 'due')
-- From here on it says whether the ticket has failed since this run.
redis.call('HDEL', ticket, 'stacktrace')
enter(id, 'running', 'startedAt', now(), 'progress', '', 'token', token)
return tellRun(id)
`);

/** id, run, progress */
const progress = script(`
local id, run, progress = unpack(ARGV)
if not runs(id, run) then return 0 end
redis.call('HSET', key('job', id), 'progress', progress, 'seqProgress', nextSeq(id))
redis.call('PUBLISH', key('watch', id), '')
return 1
`);

/**
 * id, run, state, keepMs, problem or '', head of the answer or '', its bytes, its body where that is one piece. 1 also where
 * it was heard before. The body is written first: where Redis is full, that is refused, and nothing has changed.
 */
const end = script(`
local id, run, state, keepMs, problem, head, bytes, body = unpack(ARGV)
if field(id, 'state') == state and field(id, 'run') == run then return 1 end
if not runs(id, run) then return 0 end
if body then redis.call('HSET', key('result', id .. ':' .. run), 0, body) end
finish(id, state, tonumber(keepMs), problem, 'head', head, 'bytes', bytes)
if state == 'completed' then redis.call('PEXPIRE', key('result', id .. ':' .. run), keepMs) end
return 1
`);

/** id, run, '1' where the run was an attempt. 1 also where it was heard before. */
const again = script(`
local id, run, wasAttempt = unpack(ARGV)
if field(id, 'state') == 'waiting' and field(id, 'run') == run then return 1 end
if not runs(id, run) then return 0 end
if wasAttempt == '1' then redis.call('INCR', key('reruns')) else redis.call('HINCRBY', key('job', id), 'attempts', -1) end
enter(id, 'waiting', 'startedAt', '', 'progress', '', 'token', '')
return 1
`);

/** id, keepMs. Told with whoever has its place from now on, and needs a ticket. */
const cancel = script(`
local id, keepMs = unpack(ARGV)
local state = field(id, 'state')
if not state then return false end
local heir
if state == 'waiting' or state == 'running' then
  heir = finish(id, 'cancelled', tonumber(keepMs), '')
  redis.call('PUBLISH', key('control'), 'cancel ' .. id)
end
return {tell(id), heir}
`);

/** id, prefix of queues. `due` stays until the job has its new ticket: whoever is to give it that may die before. */
const retry = script(`
local id, queues = unpack(ARGV)
local state = field(id, 'state')
if not state then return false end
if state ~= 'failed' or isExpired(id) or redis.call('EXISTS', key('input', id)) == 0 then return {'not'} end
local task, client, idempotency = field(id, 'task'), field(id, 'client'), field(id, 'key')
redis.call('ZREM', key('expiry'), id .. ' ' .. client)
redis.call('PERSIST', key('job', id))
redis.call('PERSIST', key('input', id))
if idempotency ~= '' then redis.call('PERSIST', key('key', idempotency)) end
local turn = turnOf(task, client, queues .. task .. ':')
enter(id, 'waiting', 'attempts', 0, 'progress', '', 'startedAt', '', 'endedAt', '', 'expiresAt', '', 'error', '',
  'turn', turn, 'since', now(), 'due', 1, 'leader', '')
return {'again', priority(turn), tell(id)}
`);

/** set, number below which to begin, limit, state or '' */
const list = script(`
local set, before, limit, state = key(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local found, seen = {}, 0
while true do
  local ids = redis.call('ZREVRANGEBYSCORE', set, before, '-inf', 'WITHSCORES', 'LIMIT', 0, 100)
  for i = 1, #ids, 2 do
    local id = ids[i]
    if #found >= limit or seen >= 1000 then return {before, found} end
    seen = seen + 1
    before = '(' .. ids[i + 1]
    local is = field(id, 'state')
    if is and (state == '' or is == state) and not isExpired(id) then found[#found + 1] = tell(id) end
  end
  if #ids < 200 then return {'', found} end
end
`);

const counts = script(`
sweep()
local oldest = redis.call('ZRANGE', key('state', 'waiting'), 0, 0)[1]
local since = oldest and field(oldest, 'since')
local counts = { since and math.max(0, now() - since) or 0, redis.call('GET', key('reruns')) or 0 }
${jobStates.map((state) => `counts[#counts + 1] = redis.call('ZCARD', key('state', '${state}'))`).join('\n')}
return counts
`);

/**
 * lock's ms, then for each run: id, run, token, queue. Tells for each whether it is still the job's. BullMQ's lock is
 * lengthened here too, in the same go, and taken anew where it has run out while Redis was away and nobody else has the
 * job: BullMQ itself would have it run a second time.
 */
const renew = script(`
local told = {}
for i = 2, #ARGV, 4 do
  local id, run, token, queue = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local lock = redis.call('GET', queue .. id .. ':lock')
  if lock == token or (not lock and runs(id, run) and redis.call('LPOS', queue .. 'active', id)) then
    redis.call('SET', queue .. id .. ':lock', token, 'PX', ARGV[1])
    redis.call('SREM', queue .. 'stalled', id)
  end
  told[#told + 1] = runs(id, run) and 'ours' or field(id, 'state') == 'cancelled' and 'cancelled' or 'lost'
end
return told
`);

/**
 * keepMs, prefix of queues, age in ms of what lacks a ticket, attempts, ms without a lock, problem of who was lost too
 * often. What has expired goes. What waits, but has lost its ticket (its process died before it was acknowledged, or
 * somebody has removed it with another tool), is cancelled. What an operator has had tried again, and has no ticket but
 * that of its ended run, is told with its priority: it is to get a new one. What was lost in its last attempt has failed,
 * though nobody who knows its task is there to take its ticket.
 */
const tidy = script(`
local keepMs, queues, ticketless, attempts, unlocked, lost = unpack(ARGV)
local due = {}
sweep()
local looked = 0
for _, id in ipairs(redis.call('ZRANGE', key('state', 'waiting'), 0, 1999)) do
  local task, since, leader = unpack(redis.call('HMGET', key('job', id), 'task', 'since', 'leader'))
  if leader and leader ~= '' then
    -- Its record may have been evicted.
    if not isOn(leader) then
      redis.call('ZREM', key('followers', leader), id)
      due[#due + 1] = lead(id)
    end
  elseif looked == 50 then
    break
  else
    looked = looked + 1
  end
  if leader and leader ~= '' then
    -- It needs no ticket.
  elseif not task then
    redis.call('ZREM', key('state', 'waiting'), id)
    redis.call('ZREM', key('all'), id)
  elseif now() - since > tonumber(ticketless) then
    local ticket = queues .. task .. ':' .. id
    local hasOne = redis.call('EXISTS', ticket) == 1
    if (hasOne and redis.call('HEXISTS', ticket, 'finishedOn') == 1) or (not hasOne and field(id, 'due')) then
      due[#due + 1] = {priority(field(id, 'turn')), tell(id)}
    elseif not hasOne then
      due[#due + 1] = finish(id, 'cancelled', tonumber(keepMs), '') or nil
    end
  end
end
for _, id in ipairs(redis.call('ZRANGE', key('state', 'running'), 0, 199)) do
  local had = field(id, 'attempts')
  if not had then
    redis.call('ZREM', key('state', 'running'), id)
    redis.call('ZREM', key('all'), id)
  elseif tonumber(had) >= tonumber(attempts) then
    local since = field(id, 'unlocked')
    if redis.call('EXISTS', queues .. field(id, 'task') .. ':' .. id .. ':lock') == 1 then
      if since then redis.call('HDEL', key('job', id), 'unlocked') end
    elseif not since then
      redis.call('HSET', key('job', id), 'unlocked', now())
    elseif now() - since > tonumber(unlocked) then
      finish(id, 'failed', tonumber(keepMs), lost)
    end
  end
end
return due
`);

export const scripts = { add, read, begin, progress, end, again, cancel, retry, list, counts, renew, tidy };
