/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
const THREAD =
  'a profile with 1 in flight: the loop is busy 0.3 of the time, a quarter of that with waking the thread and hearing from it, the rest with code that runs on a processor which slept before, five times as slow as with 64 in flight; tried: orders through shared memory and a futex, quicker alone by 80 µs and not in whole appends; the thread is what keeps appends steady beside four busy libuv tasks'
const ROAD =
  'the program is what it waits for, not the disk: a profile of the main thread gives the entry as JSON and its check 12 %, the digest for a retry 7 %, the operation window 8 %, the line and its checksum 13 %, the machine 9 %, garbage 6 %, the rest in small parts; tried since 0.34: a short cut through the machine, fewer promises, text of prose without a stringify, two generations of operations'

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
  'slow.64':
    'with one flush of all who wait at a time the rate is 64 by the flush and the making of 64 lines, which takes 1.9 ms here and 1.1 ms for RAW',
  'bytes.entry':
    'of some 325 to 350 bytes of a line around its entry, a third are times that repeat the time of the line, and the place on the disk that was durable',
  'open.clean':
    'a third is reading the index into columns and its table of ids, a sixth starting the writer thread, a fifth the first shard',
  'open.killed':
    'the lines behind the index are read, checked and applied one by one; what is compared is reading and parsing alone',
  'open.no-index':
    'the profile is spread over checksums, the heads of lines and the index; nothing stands out',
  'list.all': 'not profiled; the heads of all sessions are sorted for the first page',
  'list.tenant': 'not profiled; the heads of all sessions are looked at and sorted for the first page',
  'list.status': 'not profiled; the heads of all sessions are looked at and sorted for the first page',
  'list.tag':
    'of 45 µs for each session a fifth is parsing its shard; the rest are promises, the look at its damage, its place and its record, and a few lines of those that have no snapshot',
  'read.all':
    'read by another process, which looks for news before each of two reads of a session (a sixth); parsing takes a third, as it must; by the owner it is 2.4; tried: blocks of 64 KB instead of a read for each line (24 before), one walk instead of two',
  'background.100': 'within the spread of the run',
  'watched.subscriber':
    'the reader reads and parses every line on the thread that makes the appends: some 8 µs of 30 each',
  import:
    'a fresh process with 2,642 messages: the profile is flat, of code that is not compiled yet; tried: sixteen messages of a conversation on their way together, a tenth quicker and not worth its rules',
  'inspector.attached':
    'the browser draws on the same two processors; the inspector itself is 2 to 4 % of the profile of the runtime',
}
