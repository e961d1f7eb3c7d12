/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
const THREAD =
  'not profiled; a batch of one pays two messages between threads and two looks at the fence; the thread is what keeps it at 0.95 beside four busy libuv tasks'
const ROAD =
  'the program is what it waits for, not the disk: a profile gives XState 23 %, the journal 14 %, the content as JSON and its check 11 %, garbage 8 %, the digest for a retry 6 %; tried: text made once, fewer objects, batches of half of those who wait'

export const REASONS = {
  'append.1': THREAD,
  'append.64': ROAD,
  'append.512': ROAD,
  'journal.1': THREAD,
  'latency.1': THREAD,
  'latency.64': 'not profiled; a trace of the collector shows pauses of 2 to 3 ms among batches of 1 ms',
  'peers.langgraph-full': ROAD,
  'peers.sqlite': ROAD,
  'peers.sqlite-batched': ROAD,
  'peers.lowdb': ROAD,
  'slow.64': 'not profiled; at 2 ms more a flush takes about as long as making the lines of all who wait',
  'bytes.entry':
    'of some 325 to 350 bytes of a line around its entry, a third are times that repeat the time of the line, and the place on the disk that was durable',
  'open.clean': 'loading 100,000 heads from an index of columns; not profiled yet',
  'open.killed': 'not profiled; the lines behind the index are read, checked and applied one by one',
  'open.no-index':
    'the profile is spread over checksums, the heads of lines and the index; nothing stands out',
  'list.all': 'not profiled; the heads of all sessions are sorted for the first page',
  'list.tenant': 'not profiled; the heads of all sessions are looked at and sorted for the first page',
  'list.status': 'not profiled; the heads of all sessions are looked at and sorted for the first page',
  'list.tag': 'not profiled since shards are read one after the other; some 70 µs are left for each session',
  'read.all':
    'each line is a read of its own through the thread pool; lines of one session lie among those of others',
  'background.100': 'within the spread of the run',
  'watched.subscriber': 'not profiled; the reader shares the thread that makes the appends',
  import:
    'a profile is flat, of cold code, and a quarter idle; each conversation has one message on its way, as a live loop would',
  'inspector.attached':
    'the browser draws on the same two processors; the inspector itself is 2 to 4 % of the profile of the runtime',
}
