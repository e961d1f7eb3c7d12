/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
const THREAD =
  'a profile with 1 in flight: the loop is busy 0.3 of the time, a quarter of that with waking the thread and hearing from it, the rest with code that runs on a processor which slept before, five times as slow as with 64 in flight; tried: orders through shared memory and a futex, quicker alone by 80 µs and not in whole appends; the thread is what keeps appends steady beside four busy libuv tasks'
const ROAD =
  'the program is what it waits for, not the disk: a profile of the main thread gives the entry as JSON and its check 12 %, the digest for a retry 7 %, the operation window 8 %, the line and its checksum 13 %, the machine 9 %, garbage 6 %, the rest in small parts; tried since 0.34: a short cut through the machine, fewer promises, text of prose without a stringify, two generations of operations. Where others share the memory of the machine the ratio is lower: the same program had 0.54 and 0.47 with 64 and 512 in flight an hour before a run that gave 0.42 and 0.34'

export const REASONS = {
  'append.1': THREAD,
  'append.64': ROAD,
  'append.512': ROAD,
  'journal.1': THREAD,
  'latency.1': THREAD,
  'peers.langgraph-full': ROAD,
  'peers.sqlite-batched': ROAD,
  'peers.lowdb': ROAD,
  'slow.64':
    'not profiled; by reckoning a flush of some 2.3 ms and the making of 64 lines, some 2.5 ms, follow each other where all 64 wait for one flush',
  'open.clean': 'not profiled; 104 ms in a run of the day before',
  'open.no-index':
    'of some 3.4 µs of processor time for each line (6.2 before) a profile gives checksums a quarter, the head of the line 14 %, reading the summary 4 %, the index 5 %, garbage 5 %; finding newlines and checksums alone take 1.3 µs',
  'list.status':
    'the pass over 100,000 heads takes 115 ms of processor time in a warm program and some 300 ms in one that just started, where the loop is not compiled yet; the rest is reading 51 states; tried: one function for each condition of the query, half as long again',
  'list.tag':
    'one pass behind the first 64: looking through the bytes of the shards takes 0.6 of what parsing them takes; the rest is the checksum, a head for each session, and where its newest line stands; tried: parsing all of them in one pass, half as long again',
  'read.all':
    'by another process than the owner, which has to look for news before it reads: 4 % of its processor time; a profile gives parsing a fifth, garbage 13 %, reading 6 %, the entries as they are handed out 4 %, and the rest in small parts; tried: blocks of 64 KB instead of a read for each line (24 before), one walk instead of two, changes made without spreads, 3 % of parsing',
  'background.100':
    'not profiled; checkpoints without a pause and a compaction parse, write and sync some hundred shards on the thread that makes the appends; 0.58 to 0.94 in runs of one day',
  'background.100000':
    'as background.100; 0.41 to 0.87 in runs of one day, by how many shards share a turn of the loop',
  'watched.subscriber':
    'nothing is read back; a profile gives the copies of each change 8 % of the thread that makes the appends, the stream 2 %, and everything else more time than without, for a reason not found; 0.51 to 0.84 in three runs of one day',
  'watched.observer': 'not profiled; 0.76 to 0.93 in three runs of one day',
  import:
    'a fresh process with 2,642 messages: the profile is flat, of code that is not compiled yet: making and activating 100 sessions two fifths, the entries as JSON a sixth, garbage a tenth; tried: messages without limits in pieces of 64 and no schema for sound ones, which was three times as fast; flags that compile sooner or collect later, which gained nothing',
  'inspector.attached':
    'the browser draws on the same two processors; the inspector itself is 2 to 4 % of the profile of the runtime',
}
