/** A runtime that can die between any two calls: the next one finds what the disk of the dead process holds. */
import { openJsonStore, openRuntime, systemClock, systemIds, type Runtime } from 'sessionwright'
import { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { loneProcess } from './crashable-store.ts'

export class MortalRuntime {
  #files: CrashableFileSystem
  #runtime: Promise<Runtime> | undefined
  /** How often it died. */
  deaths = 0

  constructor(seed = 1) {
    this.#files = new CrashableFileSystem({ seed })
  }

  /** The runtime; opened when there is none. */
  get(): Promise<Runtime> {
    this.#runtime ??= openRuntime({
      store: openJsonStore({
        dir: '/s',
        files: this.#files,
        clock: systemClock,
        unique: () => systemIds.session(),
        processes: loneProcess(),
      }),
    })
    return this.#runtime
  }

  /** Its process is gone, without a word. */
  async die(): Promise<void> {
    await this.#runtime
    this.#files = this.#files.processDied()
    this.#runtime = undefined
    this.deaths += 1
  }
}
