/**
 * The store as the page gets it.
 */
import type { Json, Runtime, RuntimeStats } from '../index.ts'
import { bounded } from './bounds.ts'

const DAMAGE_BYTES = 256 * 1024

/** How the runtime and its store are; a long list of damage is cut. */
export function shownStats(runtime: Runtime): RuntimeStats {
  const stats = runtime.stats()
  const damage = bounded(stats.store.damage as unknown as Json, DAMAGE_BYTES)
  return { ...stats, store: { ...stats.store, damage: damage as unknown as RuntimeStats['store']['damage'] } }
}
