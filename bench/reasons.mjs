/**
 * Why a goal is not reached, in one line each: where a profile says the time goes, and what was tried. Printed in
 * bench/RESULTS.md for goals that a run missed; a line whose goal is reached again is taken out.
 */
export const REASONS = {
  'bytes.entry':
    'of some 325 bytes of a line around its entry, a third are times that repeat the time of the line, and the place on the disk that was durable',
  'list.tag':
    'tags are in the shards alone; sessions are looked at in the order of the page, so that nearly each one parses its whole shard again',
  'read.all':
    'each line is a read of its own through the thread pool; lines of one session lie among those of others',
  'inspector.shell':
    'React with its DOM, the list and the graph view are one file; the graph view could come when it is opened',
}
