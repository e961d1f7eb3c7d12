/** The library that makes flushes longer and counts them, compiled where there is a compiler. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('./slow-flush.c', import.meta.url))

/** The environment of a process with the shim, or why there is none. */
export function flushShim(folder) {
  if (process.platform !== 'linux') return { why: 'preloading works on Linux alone' }
  const library = join(folder, 'slow-flush.so')
  for (const compiler of ['gcc', 'cc', 'clang']) {
    const { status } = spawnSync(compiler, ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'])
    if (status !== 0) continue
    const counts = join(folder, 'flush-counts')
    writeFileSync(counts, Buffer.alloc(8))
    return {
      counts,
      env: ({ slowerUs = 0 } = {}) => ({
        LD_PRELOAD: library,
        FLUSH_COUNTS: counts,
        FLUSH_SLOWER_US: `${slowerUs}`,
      }),
    }
  }
  return { why: 'there is no C compiler' }
}
