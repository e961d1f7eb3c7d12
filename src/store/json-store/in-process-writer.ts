/**
 * The writer inside the process, over any file system: for tests, and where a thread is not wanted.
 */
import type { FileSystem } from '../file-system.ts'
import { SegmentWriter, type WriterFiles } from './segment-writer.ts'
import type { JournalWriter, WriterPlace } from './writer.ts'

/** A writer that runs where its caller runs. */
export function inProcessWriter(files: FileSystem, place: WriterPlace): JournalWriter {
  const writer = new SegmentWriter(writerFiles(files), place)
  let slabs = 0
  return {
    allocate(bytes, returns) {
      slabs += 1
      return { id: slabs, buffer: Buffer.allocUnsafeSlow(bytes), returns }
    },
    write(order, slab, done) {
      void writer.write(order, slab.buffer.subarray(0, order.bytes)).then(done)
    },
    finish(end, done) {
      void writer.finish(end).then(done)
    },
    dispose: () => writer.abandon(),
  }
}

function writerFiles(files: FileSystem): WriterFiles {
  return {
    open: (path, mode) => files.open(path, mode),
    rename: (from, to) => files.rename(from, to),
    link: (existing, name) => files.link(existing, name),
    remove: (path) => files.remove(path),
    syncFolder: (path) => files.syncFolder(path),
    status: (path) => files.status(path),
    isThere: async (path) => (await files.status(path)) !== undefined,
  }
}
