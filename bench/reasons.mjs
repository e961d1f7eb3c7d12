/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
const THREAD =
  'a batch of one costs two messages between threads and two looks at the fence; the thread is what keeps it at 0.95 beside four busy libuv tasks'
const ROAD =
  'the program is what it waits for, not the disk: of 46 to 52 µs for an append XState takes 30 %, the JSON of the content and its check 15 %, garbage 8 to 10 %, the digest for a retry 7 %, the line 12 %; tried with effect: text made once, fewer objects, batches of half of those who wait'

export const REASONS = {
  'append.1': THREAD,
  'append.64': ROAD,
  'append.512': ROAD,
  'journal.1': THREAD,
  'latency.1': THREAD,
  'latency.64': 'collections of garbage of 3 ms among batches of 1 ms',
  'peers.langgraph-full': ROAD,
  'peers.sqlite': ROAD,
  'peers.sqlite-batched': ROAD,
  'peers.lowdb': ROAD,
  'slow.64':
    'two halves of 32 for each flush of 2.4 ms, or one batch of 64 and then a wait: both cost about the same there',
  'bytes.entry':
    'of some 325 to 350 bytes of a line around its entry, a third are times that repeat the time of the line, and the place on the disk that was durable',
  'open.clean': 'loading 100,000 heads from an index of columns; not profiled yet',
  'open.killed': 'the lines behind the index are read, checked and applied one by one',
  'open.no-index':
    'the profile is spread over checksums, the heads of lines and the index; nothing stands out',
  'list.all': 'the heads of all sessions are sorted for the first page',
  'list.tenant': 'the heads of all sessions are looked at and sorted for the first page',
  'list.status': 'the heads of all sessions are looked at and sorted for the first page',
  'list.tag':
    'each shard is read once now; what is left are 70 µs for each session, half of them a copy that nobody can change',
  'read.all':
    'each line is a read of its own through the thread pool; lines of one session lie among those of others',
  'background.100': 'within the spread of the run',
  'watched.subscriber': 'the reader shares the thread that makes the appends',
  import:
    'a file of 2,642 messages is done before the program is warm; each conversation has one message on its way, as a live loop would',
  'inspector.attached':
    'the browser draws on the same two processors; the inspector itself is 2 to 4 % of the profile of the runtime',
}
