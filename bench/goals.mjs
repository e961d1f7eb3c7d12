/**
 * What is to be reached. A part of the benchmark answers with figures under these ids; whether a goal is met is decided here
 * and nowhere else. A goal without a limit is told beside the others for comparison.
 */

const ratios = (id, work, limits) =>
  limits.map(([suffix, where, limit]) => times(`${id}.${suffix}`, `${work}, ${where}`, limit))

const atLeast = (id, work, limit, unit) => ({ id, work, atLeast: limit, unit })
const times = (id, work, limit) => atLeast(id, work, limit, '×')
const atMost = (id, work, limit, unit) => ({ id, work, atMost: limit, unit })
const told = (id, work, unit = '×') => ({ id, work, unit })

const BY_SQLITE = 'by SqliteSaver as shipped (not power-safe)'

/** Every goal, by part. */
export const GOALS = {
  append: [
    ...ratios('append', 'durable appends/s by RAW', [
      ['1', '1 in flight', 0.85],
      ['64', '64 in flight', 0.5],
      ['512', '512 in flight', 0.45],
    ]),
    ...ratios('journal', 'the journal alone by RAW', [
      ['1', '1 in flight', 0.9],
      ['64', '64 in flight', 0.75],
      ['512', '512 in flight', 0.7],
    ]),
    atMost('latency.1', 'p50 with 1 in flight, above RAW', 40, 'µs'),
    atMost('latency.64', 'p99 with 64 in flight, by RAW', 3, '×'),
  ],
  peers: [
    times('peers.lmdb', 'the journal alone, 64 in flight, by LMDB with strict flush', 1),
    times('peers.langgraph-full', '64 in flight, by LangGraph SqliteSaver, synchronous=FULL', 20),
    times('peers.sqlite', '64 in flight, by SQLite WAL FULL, one insert per append', 7),
    times('peers.sqlite-batched', '64 in flight, by SQLite WAL FULL, batched by hand', 1.2),
    times('peers.lowdb-sessions', '64 in flight, by lowdb, a file per session with fsync', 15),
    times('peers.lowdb', '64 in flight, by lowdb, one file', 200),
    times('peers.postgres', '64 in flight, by PostgreSQL 15', 3.5),
    times('peers.dbos', '64 in flight, by DBOS', 50),
    times('peers.restate', '64 in flight, by Restate with @restatedev/xstate', 80),
  ],
  flushes: [
    times('slow.64', 'each flush 2 ms longer, 64 in flight, by RAW', 0.7),
    atMost('bytes.entry', "journal bytes per append above the entry's JSON", 300, 'B'),
    atMost('flushes.1', 'flushes per append, 1 in flight', 1.05, ''),
    atMost('flushes.64', 'flushes per append, 64 in flight', 0.035, ''),
  ],
  pool: [atMost('pool.p50', 'p50 of an append with 4 busy libuv tasks, by idle', 2, '×')],
  length: [atMost('length.10000', 'the 10,000th append of a session, by the 10th', 1.15, '×')],
  open: [
    atMost('open.clean', 'first of the sessions served after open: clean', 150, 'ms'),
    atMost('open.killed', 'after SIGKILL: the same and one scan of what the checkpoint had not seen', 1, '×'),
    atMost('open.no-index', 'index lost, by reading the bytes', 2.5, '×'),
    atMost('list.all', 'first page of list, unfiltered', 250, 'ms'),
    atMost('list.tenant', 'first page of list, by tenant', 250, 'ms'),
    atMost('list.status', 'first page of list, by status', 250, 'ms'),
    atMost('list.tag', 'first page of list, by tag, by one pass over the shards', 1, '×'),
    atMost('memory.passive', 'memory of a passivated session', 200, 'B'),
  ],
  read: [
    atMost('read.all', 'reading back 10,000 × 20 entries, by reading and parsing the bytes', 2, '×'),
    atMost('memory.live', 'memory of a live idle session', 9216, 'B'),
  ],
  background: [
    times('background.100', 'checkpoints and compaction running, 100 sessions, by not', 0.9),
    atMost('background.100.p99', 'p99 meanwhile, 100 sessions, by not', 3, '×'),
    times('background.100000', 'checkpoints and compaction running in the large store, by not', 0.6),
    atMost('background.100000.p99', 'p99 meanwhile in the large store, by not', 3, '×'),
  ],
  watched: [
    times('watched.subscriber', 'one subscriber on everything, 64 in flight, by none', 0.9),
    times('watched.observer', 'one observer, 64 in flight, by none', 0.9),
    times('watched.telemetry', 'telemetry on, 64 in flight, by off', 0.75),
  ],
  import: [atLeast('import', 'import of real conversations', 20_000, '/s')],
  inspector: [
    told('inspector.paint', 'first paint, 10,000 sessions', 'ms'),
    told('inspector.interactive', 'time to interactive, 10,000 sessions', 'ms'),
    told('inspector.session-paint', 'first paint, a session of 10,000 changes', 'ms'),
    told('inspector.session-interactive', 'time to interactive, a session of 10,000 changes', 'ms'),
    times('inspector.attached', 'appends/s, 64 in flight, with a page attached, by without', 0.9),
    atMost('inspector.shell', 'the shell, gzipped, without the layout worker', 150_000, 'B'),
  ],
  integrations: [
    told('agents.memory', 'OpenAI Agents: time of a turn on our session, by MemorySession (not durable)'),
    told('agents.sqlite', `OpenAI Agents: turns/s on our session, ${BY_SQLITE}`),
    told('langgraph.memory', 'LangGraph: time of a turn on our saver, by MemorySaver (not durable)'),
    told('langgraph.sqlite', `LangGraph: turns/s on our saver, ${BY_SQLITE}`),
    told('langgraph.sqlite-full', 'LangGraph: turns/s on our saver, by SqliteSaver, synchronous=FULL'),
    told('ai-sdk.memory', 'AI SDK: time of a turn on our chat, by an array in memory'),
    told('ai-sdk.sqlite', `AI SDK: turns/s on our chat, ${BY_SQLITE}`),
    told('loop.memory', 'plain loop: time of a turn on our session, by an array in memory'),
    told('loop.sqlite', `plain loop: turns/s on our session, ${BY_SQLITE}`),
  ],
}

/** The names of the parts, in the order they run. */
export const PARTS = Object.keys(GOALS)

/** What a goal asks, as text. */
export function limitOf({ atLeast: least, atMost: most, unit }) {
  const limit = least ?? most
  if (limit === undefined) return '–'
  return `${least === undefined ? '≤' : '≥'} ${limit.toLocaleString('en-US')}${unit === '' ? '' : ` ${unit}`}`
}

/** Whether a figure reaches its goal; undefined when there is none, or nothing was measured. */
export function isMet({ atLeast: least, atMost: most }, figure) {
  if (figure?.value === undefined || (least === undefined && most === undefined)) return undefined
  return least === undefined ? figure.value <= most : figure.value >= least
}
