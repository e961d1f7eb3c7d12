/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
const THREAD =
  'by parts, with a file written from a thread and nothing else: 250 µs through the pool of the process, 440 µs as it was, 300 µs as it is: orders without an event loop gave 60 µs, one look at the fence in the place of two 80 µs. What is left above RAW is code that runs on a processor which slept while the disk worked: some 30 µs of it warm, four times that cold; tried: orders as numbers in shared memory and an answer through Atomics.waitAsync, no quicker; the pool in the place of the thread, which takes twenty times as long beside four busy tasks; busy waiting would cost a core'
const ROAD =
  'the program is what it waits for, not the disk: a profile of the main thread, by share: the entry as JSON and its check 13 %, the digest for a retry 8 %, the line and its checksum 13 %, the commit road 7 %, the machine 9 %, the operation window 5 %, the patch 6 %, garbage 4 %, the rest in small parts, none above 2 %. Warm and alone these parts add up to 12 µs; in place they take four times as long, for each append touches 10 KB of new memory and the caches are 1 MB for each core: with one megabyte of young memory 15,600 appends/s, with 16 as it is by default 20,000. Tried since 0.34: a short cut through the machine, fewer promises, text of prose without a stringify, two generations of operations, a patch without an object for the clocks'

export const REASONS = {
  'append.1': THREAD,
  'append.64': ROAD,
  'append.512': ROAD,
  'journal.1': THREAD,
  'latency.1': THREAD,
  'peers.sqlite-batched': ROAD,
  'peers.lowdb': ROAD,
  'peers.lowdb-sessions': ROAD,
  'peers.langgraph-full': ROAD,
  'peers.sqlite': ROAD,
  'slow.64':
    'a flush of some 2.3 ms and the making of 64 lines, some 2.5 ms, follow each other where all 64 wait for one flush: where the making goes, see 64 in flight',
  'bytes.entry':
    'the revision and the numbers of places have as many digits as there are appends: 298 to 301 B in runs of one day',
  'open.clean': 'not profiled; 104 to 137 ms in other runs',
  'open.no-index':
    'of some 3.4 µs of processor time for each line (6.2 before) a profile gives checksums a quarter, the head of the line 14 %, reading the summary 4 %, the index 5 %, garbage 5 %; finding newlines and checksums alone take 1.3 µs',
  'list.status':
    'the pass over 100,000 heads takes 115 ms of processor time in a warm program and some 300 ms in one that just started, where the loop is not compiled yet; the rest is reading 51 states; tried: one function for each condition of the query, half as long again',
  'list.tag':
    'one pass behind the first 64: looking through the bytes of the shards takes 0.6 of what parsing them takes; the rest is the checksum and where the newest line of each session stands; tried: parsing all of them in one pass, half as long again; a head for each session, which took another tenth; 1.24 and 1.80 in two runs of one day, by how many sessions are ahead of their snapshots and so read line by line',
  'read.all':
    'by another process than the owner, which has to look for news before it reads: 4 % of its processor time; a profile gives parsing a fifth, garbage 13 %, reading 6 %, the entries as they are handed out 4 %, and the rest in small parts; tried: blocks of 64 KB instead of a read for each line (24 before), one walk instead of two, changes made without spreads, 3 % of parsing',
  'background.100':
    'one after the other without a pause, which no store does by itself. Since outcomes leave the loop its turns both go on beside the appends, where they had waited for them to end (0.88 then, 0.57 at first); shards at every fourth turn and segments in synced pieces of 1 MB at every sixteenth gave 0.88 to 1.05 in runs by itself; the rest is the flushes of both, which the journal waits for',
  'background.100000': 'as background.100; 0.42 before the pieces',
  'background.100000.p99': 'as background.100; 5.6 before the pieces',
  'watched.subscriber':
    'what is held for a follower has to be moved when young memory is collected: 0.68 with 2,048 changes held, 0.82 with 512, as it is now, no better with 128; a profile gives the copies of each change, one to hold and one to give, 8 % of the thread that makes the appends, the stream 2 %',
  'watched.observer': 'not profiled; 0.92 to 1.12 in four runs of one day',
  import:
    'a fresh process with 2,642 messages: the profile is flat, of code that is not compiled yet: making and activating 100 sessions two fifths, the entries as JSON a sixth, garbage a tenth; tried: messages without limits in pieces of 64 and no schema for sound ones, which was three times as fast; flags that compile sooner or collect later, which gained nothing',
  'inspector.attached':
    'the browser draws on the same two processors, and a page that asks has its turns: 0.92 to 1.02 in five runs of this part by itself, 0.78 in whole runs of the same day; a program that only keeps the other processor busy costs a tenth already; the inspector is 6 % of the profile of the runtime, half of it the changes of the session that is looked at',
}
