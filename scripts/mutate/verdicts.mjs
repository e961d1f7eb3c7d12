/** The file of verdicts: what earlier runs said, so that a long trial can be held in parts. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/**
 * @typedef {import('./trial.mjs').Verdict} Verdict
 * @typedef {import('./seeds.mjs').SeedVerdict} SeedVerdict
 */

/** Verdicts by mutant and by item of the seeds; `save` keeps them where they were read from, if anywhere. */
export class Verdicts {
  /** @param {string | undefined} path */
  constructor(path) {
    this.path = path
    const { mutants, seeds } =
      path !== undefined && existsSync(path)
        ? JSON.parse(readFileSync(path, 'utf8'))
        : { mutants: [], seeds: [] }
    /** @type {Map<string, Verdict>} */
    this.mutants = new Map(mutants.map((verdict) => [verdict.id, verdict]))
    /** @type {Map<string, SeedVerdict>} */
    this.seeds = new Map(seeds.map((verdict) => [verdict.item, verdict]))
  }

  /** Forgets the mutants of a file that are no more, after an edit of it. @param {string} file @param {ReadonlySet<string>} ids */
  keepOnly(file, ids) {
    for (const [id, verdict] of this.mutants)
      if (verdict.file === file && !ids.has(id)) this.mutants.delete(id)
  }

  /** Writes the file anew, whole or not at all. */
  save() {
    if (this.path === undefined) return
    const all = { mutants: [...this.mutants.values()], seeds: [...this.seeds.values()] }
    writeFileSync(`${this.path}.new`, JSON.stringify(all, null, 1))
    renameSync(`${this.path}.new`, this.path)
  }
}
